"""The fused kernel beside the GPU's own memory, and what leaves the GPU beside a copy alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import pytest
import torch

from stepzero_rnn.dtypes import DTYPES
from stepzero_rnn.engine.devices.devices import backend_for
from stepzero_rnn.engine.elements.distributions import CutNormal, Normal, RandomLaw, Uniform
from stepzero_rnn.engine.thread_pool import Stop, ThreadPool
from stepzero_rnn.engine.words.philox import key
from stepzero_rnn.thresholds import MAX_TASK_ELEMENTS
from tests.bench.measure import NEEDS_GPU, in_turn, row

pytestmark = [pytest.mark.bench, *NEEDS_GPU]

ELEMENTS, ROUNDS = 1 << 28, 5  # 1 GiB of float32
KEY, FLOAT32 = key(7, 11), DTYPES["float32"]
LAWS: dict[str, RandomLaw] = {
    "uniform": Uniform(0.0, 1.0),
    "normal": Normal(0.0, 1.0),
    "trunc_normal": CutNormal(0.0, 1.0, -2.0, 2.0),
}


def timed(work: Callable[[], Any]) -> float:
    """Return the seconds until the GPU has done it."""
    torch.cuda.synchronize()
    began = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - began


def report(title: str, runs: dict[str, Callable[[], Any]]) -> None:
    """Run in turn; print GB/s, and each rate as a share of the last one's."""
    seconds = in_turn({name: partial(timed, work) for name, work in runs.items()}, ROUNDS)
    best = median(seconds[list(runs)[-1]])
    print()
    row(f"{title}, {torch.cuda.get_device_name()}", "GB/s", "of the last line's")
    for name, found in seconds.items():
        took = median(found)
        row(name, f"{ELEMENTS * 4 / 1e9 / took:.1f}", f"{best / took:.2f}")


def test_draw() -> None:
    from stepzero_rnn.engine.devices.triton_backend import launch

    out = torch.empty(ELEMENTS, dtype=torch.int32, device="cuda")
    floats = out.view(torch.float32)
    ours = {name: partial(launch, law, out, 0, KEY, FLOAT32) for name, law in LAWS.items()}
    peers = {"torch uniform_": floats.uniform_, "torch normal_": floats.normal_}
    report("in the GPU's memory", {**ours, **peers, "writing alone": out.zero_})


def test_bytes_that_leave() -> None:
    backend = backend_for(torch.device("cuda:0"))
    host = np.empty(ELEMENTS, np.float32)
    there = torch.empty(ELEMENTS, dtype=torch.float32, device="cuda")
    pinned = torch.empty(ELEMENTS, dtype=torch.float32, pin_memory=True)
    with ThreadPool() as workers:

        def draw(law: RandomLaw) -> None:
            workers.run(
                (
                    partial(backend.fill, law, host[at : at + MAX_TASK_ELEMENTS], at, KEY, FLOAT32)
                    for at in range(0, ELEMENTS, MAX_TASK_ELEMENTS)
                ),
                Stop(),
            )

        ours = {name: partial(draw, law) for name, law in LAWS.items()}
        peers = {"copy alone": lambda: torch.from_numpy(host).copy_(there)}
        report(
            "drawn into host memory",
            {**ours, **peers, "pinned copy alone": lambda: pinned.copy_(there)},
        )
