"""The levels of diagnostics beside one forward pass of 32 sequences of the same length."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

import pytest
import torch

import stepzero_rnn
from stepzero_rnn.diagnostics.measuring.diagnose import diagnose
from stepzero_rnn.diagnostics.options import LEVELS, DiagnosticsOptions
from stepzero_rnn.engine.draw import Sampler
from stepzero_rnn.engine.thread_pool import ThreadPool
from stepzero_rnn.plan import plan
from stepzero_rnn.spec.recipe import as_spec
from tests.bench.measure import in_turn, ratio, row

pytestmark = pytest.mark.bench

STEPS, SEQUENCES = 100, 32
SIZES: Mapping[str, tuple[Mapping[str, Any], int]] = {  # and how many rounds
    "LSTM 10→20": ({"rnn_type": "lstm", "input_size": 10, "hidden_size": 20}, 9),
    "GRU 32→64": ({"rnn_type": "gru", "input_size": 32, "hidden_size": 64}, 9),
    "LSTM 64→256": ({"rnn_type": "lstm", "input_size": 64, "hidden_size": 256}, 5),
    "LSTM 128→512": ({"rnn_type": "lstm", "input_size": 128, "hidden_size": 512}, 3),
    "LSTM 1024→1024": ({"rnn_type": "lstm", "input_size": 1024, "hidden_size": 1024}, 3),
}
HUGE = {"rnn_type": "lstm", "input_size": 4096, "hidden_size": 4096, "num_layers": 4}


def seconds(work: Callable[[], object]) -> float:
    """Return how long one run takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@pytest.mark.parametrize("name", SIZES)
def test_levels(name: str) -> None:
    spec, rounds = SIZES[name]
    recipe = as_spec(spec)
    module = stepzero_rnn.build(recipe).requires_grad_(False)
    x = torch.randn(STEPS, SEQUENCES, recipe.input_size, generator=torch.Generator())
    planned = plan(recipe)
    with ThreadPool() as workers:

        def at(level: Any, figures: Any) -> Callable[[], float]:
            options = DiagnosticsOptions(level=level, seq_len=STEPS, figures=figures)
            sampler, cpu = Sampler(recipe.seed, workers), torch.device("cpu")
            return lambda: seconds(lambda: diagnose(planned, sampler, options, cpu))

        found = in_turn(
            {
                "forward": lambda: seconds(lambda: module(x)),
                **{level: at(level, ("echo", "gradient")) for level in LEVELS},
                "standard, all figures": at("standard", None),
            },
            rounds,
        )
    forward = found.pop("forward")
    for level, times in found.items():
        row(f"{name}, {level}", f"{median(times) * 1e3:.1f} ms", f"{ratio(times, forward):.1f}x")


def test_the_largest_network() -> None:
    recipe = as_spec(HUGE)
    with ThreadPool() as workers:
        options = DiagnosticsOptions(level="quick", seq_len=STEPS)
        sampler, cpu = Sampler(recipe.seed, workers), torch.device("cpu")
        took = seconds(lambda: diagnose(plan(recipe), sampler, options, cpu))
    row("LSTM 4096→4096 × 4, quick", f"{took:.1f} s")
