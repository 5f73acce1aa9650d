"""The draws beside the libraries', in one run: medians of rounds taken in turn, as GB/s of
float32.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from importlib import import_module
from math import isqrt
from statistics import median
from typing import Any

import numpy as np
import pytest
import torch

from stepzero_rnn.engine.check.check import check
from stepzero_rnn.engine.check.measure import tally_tasks
from stepzero_rnn.engine.cores import usable_cores
from stepzero_rnn.engine.draw import Sampler
from stepzero_rnn.engine.statistics import figures
from stepzero_rnn.engine.thread_pool import ThreadPool
from stepzero_rnn.plan import ForwardSize, TensorPlan, plan
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.init import InitParts
from stepzero_rnn.spec.schemes.weights import Sparse
from tests.bench.measure import in_turn, ratio, row
from tests.bench.peers import build, statistics

pytestmark = pytest.mark.bench

ROWS, COLS = 8192, 8192  # 256 MB of float32
ROUNDS = 5
TURN_S = 0.5


def timed(work: Callable[[], Any]) -> Callable[[], float]:
    """Return a function that does the work for half a second and tells the median time: idle cores
    are slow to wake.
    """

    def run() -> float:
        seconds: list[float] = []
        while sum(seconds) < TURN_S:
            began = time.perf_counter()
            work()
            seconds.append(time.perf_counter() - began)
        return median(seconds)

    return run


def tensor_of(init: Any, rows: int, cols: int) -> TensorPlan:
    """Return an LSTM's stacked weight of a shape, filled gate by gate."""
    spec = Spec(
        rnn_type="lstm", input_size=cols, hidden_size=rows // 4, init=InitParts(weight_ih=init)
    )
    return plan(spec).tensors[0]


def in_jax(init: str) -> dict[str, Callable[[], Any]]:
    """Return JAX's draw, which promises equal bits too, where JAX is installed and has such a
    draw.
    """
    try:
        jax = import_module("jax")
    except ImportError:
        print("\n(JAX is not installed, so it is not measured: pip install jax)")
        return {}
    draws = {
        "uniform": jax.random.uniform,
        "normal": jax.random.normal,
        "trunc_normal": lambda key, shape: jax.random.truncated_normal(key, -2, 2, shape),
    }
    draw = jax.jit(lambda key: draws[init](key, (ROWS, COLS)))
    key = jax.random.key(0)
    return {f"jax.random, {init}": lambda: draw(key).block_until_ready()}


def report(name: str, runs: dict[str, Callable[[], float]], size_bytes: int) -> None:
    """Run in turn and print a line for each."""
    seconds = in_turn(runs, ROUNDS)
    print()
    row(name, "GB/s", "ours is faster by")
    for who, found in seconds.items():
        row(who, f"{size_bytes / 1e9 / median(found):.2f}", f"{ratio(found, seconds['ours']):.2f}x")


@pytest.mark.parametrize("init", ["uniform", "normal", "trunc_normal"])
def test_elementwise(init: str) -> None:
    tensor = tensor_of(init, ROWS, COLS)
    out, own = torch.ones(ROWS, COLS), np.ones(ROWS * COLS, np.float32)
    generator = np.random.default_rng(0)
    peers: dict[str, dict[str, Callable[[], Any]]] = {
        "uniform": {
            "torch uniform_": out.uniform_,
            "numpy Generator.random": lambda: generator.random(out=out.numpy(), dtype=np.float32),
        },
        "normal": {
            "torch normal_": out.normal_,
            "numpy standard_normal": lambda: generator.standard_normal(
                out=out.numpy(), dtype=np.float32
            ),
        },
        "trunc_normal": {"torch trunc_normal_": lambda: torch.nn.init.trunc_normal_(out)},
    }
    peers[init] |= in_jax(init)
    with ThreadPool() as workers:
        sampler = Sampler(0, workers)
        runs = {"ours": timed(lambda: sampler.tensor(tensor, own))}
        runs |= {name: timed(work) for name, work in peers[init].items()}
        report(f"{init}, 256 MB", runs, tensor.size_bytes)


@pytest.mark.parametrize(
    ("name", "init", "peer"),
    [
        ("orthogonal", "orthogonal", torch.nn.init.orthogonal_),
        ("sparse by row", Sparse(sparsity=0.9), lambda out: torch.nn.init.sparse_(out, 0.9)),
        (
            "sparse by column",
            Sparse(sparsity=0.9, axis="out"),
            lambda out: torch.nn.init.sparse_(out, 0.9),
        ),
    ],
)
def test_matrices(name: str, init: Any, peer: Callable[[torch.Tensor], Any]) -> None:
    """Four gates, each by itself, beside one call on the stacked matrix."""
    tensor = tensor_of(init, 8192, 2048)
    out, own = torch.ones(8192, 2048), np.ones(8192 * 2048, np.float32)
    with ThreadPool() as workers:
        sampler = Sampler(0, workers)
        runs = {
            "ours": timed(lambda: sampler.tensor(tensor, own)),
            "torch": timed(lambda: peer(out)),
        }
        report(f"{name}, (4·2048, 2048)", runs, tensor.size_bytes)


def test_statistics() -> None:
    """All figures of a drawn tensor, beside fewer figures in torch calls."""
    tensor = tensor_of("normal", ROWS, COLS)
    with ThreadPool() as workers:
        sampler = Sampler(0, workers)
        drawn = sampler.tensor(tensor)

        def measure() -> None:
            tallies = workers.map(tally_tasks(tensor, drawn, sampler.stop), sampler.stop)
            assert all(figures(tally, expected_std=1.0) for tally in tallies)

        runs = {
            "ours": timed(measure),
            "torch": timed(lambda: statistics(torch.from_numpy(drawn))),
        }
        report("statistics, 256 MB", runs, tensor.size_bytes)


@pytest.mark.parametrize("init", ["xavier_uniform", "trunc_normal", "orthogonal"])
def test_whole_check(init: str) -> None:
    """An LSTM 2048x4 and 16x4 tokens: drawn, measured and run, beside constructor, init, forward
    pass and statistics.
    """
    spec = {"rnn_type": "lstm", "input_size": 2048, "hidden_size": 2048, "num_layers": 4}
    planned = plan(Spec.model_validate(spec | {"init": init}))
    with ThreadPool() as workers:
        sampler = Sampler(0, workers)

        def ours() -> None:
            check(planned, sampler, ForwardSize(16, 4), torch.device("cpu"))

        def torchs() -> None:
            for tensor in build(spec | {"init": init}).state_dict().values():
                statistics(tensor)

        runs = {"ours": timed(ours), "torch": timed(torchs)}
        report(f"whole check, {init}", runs, planned.size_bytes)


@pytest.mark.parametrize("init", ["uniform", "normal", "trunc_normal", "orthogonal"])
def test_cores(init: str) -> None:
    """How a draw grows with the threads that draw."""
    tensor = tensor_of(init, 8192, 2048 if init == "orthogonal" else 8192)
    out = np.ones(tensor.elements, np.float32)
    print()
    row(f"{init}, by threads", "GB/s")
    for threads in range(1, usable_cores() + 1):
        with ThreadPool(threads) as workers:
            sampler = Sampler(0, workers)
            found = in_turn({"ours": timed(lambda: sampler.tensor(tensor, out))}, ROUNDS)["ours"]  # noqa: B023
        row(threads, f"{tensor.size_bytes / 1e9 / median(found):.2f}")


@pytest.mark.parametrize(
    ("init", "mebibytes"),
    [
        ("uniform", (1, 8, 64, 512, 8192)),
        ("normal", (1, 8, 64, 512, 8192)),
        ("trunc_normal", (1, 8, 64, 512, 8192)),
        ("orthogonal", (1, 4, 16, 64, 256)),
    ],
)
def test_sizes(init: str, mebibytes: Sequence[int]) -> None:
    """What a square tensor of an LSTM costs, in chunks as they are streamed, so in no more memory
    than a block takes.
    """
    print()
    row(f"{init}, by size", "seconds", "GB/s")
    with ThreadPool() as workers:
        sampler = Sampler(0, workers)
        for size in mebibytes:
            side = isqrt(size << 18)
            tensor = tensor_of(init, side, side)
            seconds = timed(lambda: deque(sampler.chunks(tensor, 0, tensor.elements), maxlen=0))()  # noqa: B023
            row(f"{size} MiB", f"{seconds:.4f}", f"{tensor.size_bytes / 1e9 / seconds:.2f}")
