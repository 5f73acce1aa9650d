"""The draws beside the libraries', in one run: medians of rounds taken in turn, as GB/s of float32."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import pytest
import torch

from app.engine.draw import Artist
from app.engine.statistics import figures
from app.engine.workers import Workers
from app.plan import TensorPlan, plan
from app.spec.checkpoint import InitParts, Spec
from app.spec.schemes import Sparse
from tests.bench.measure import in_turn, ratio, row
from tests.bench.peers import statistics

pytestmark = pytest.mark.bench

ROWS, COLS = 8192, 8192  # 256 MB of float32
ROUNDS = 5


def timed(work: Callable[[], Any]) -> Callable[[], float]:
    """Give a function that does the work and tells how long it took."""

    def run() -> float:
        began = time.perf_counter()
        work()
        return time.perf_counter() - began

    return run


def tensor_of(init: Any, rows: int, cols: int) -> TensorPlan:
    """Give an LSTM's stacked weight of a shape, filled gate by gate."""
    spec = Spec(
        rnn_type="lstm", input_size=cols, hidden_size=rows // 4, init=InitParts(weight_ih=init)
    )
    return plan(spec).tensors[0]


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
    out = torch.empty(ROWS, COLS)
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
    with Workers() as workers:
        artist = Artist(0, workers)
        runs = {"ours": timed(lambda: artist.tensor(tensor))}
        runs |= {name: timed(work) for name, work in peers[init].items()}
        report(f"{init}, 256 MB", runs, tensor.size_bytes)


@pytest.mark.parametrize(
    ("init", "peer"),
    [
        ("orthogonal", torch.nn.init.orthogonal_),
        (Sparse(sparsity=0.9), lambda out: torch.nn.init.sparse_(out, 0.9)),
    ],
    ids=["orthogonal", "sparse"],
)
def test_matrices(init: Any, peer: Callable[[torch.Tensor], Any]) -> None:
    tensor = tensor_of(init, 8192, 2048)
    out = torch.empty(8192, 2048)
    with Workers() as workers:
        artist = Artist(0, workers)
        runs = {"ours": timed(lambda: artist.tensor(tensor)), "torch": timed(lambda: peer(out))}
        report(f"{tensor.scheme.scheme}, (4·2048, 2048)", runs, tensor.size_bytes)


def test_statistics() -> None:
    """Drawing with statistics less drawing without, beside the same figures in torch calls."""
    tensor = tensor_of("normal", ROWS, COLS)
    with Workers() as workers:
        artist = Artist(0, workers)
        drawn = torch.from_numpy(artist.tensor(tensor))
        with_figures = timed(
            lambda: [figures(t, expected_std=1.0) for t in artist.tallied(tensor)[1]]
        )
        without = timed(lambda: artist.tensor(tensor))
        runs = {
            "ours": lambda: max(with_figures() - without(), 1e-9),
            "torch": timed(lambda: statistics(drawn)),
        }
        report("statistics, 256 MB", runs, tensor.size_bytes)
