"""Matrices that take linear algebra, beside a script in NumPy and SciPy that makes the same:
medians of rounds taken in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import pytest
from scipy import linalg, stats

from stepzero_rnn.engine.draw import Sampler
from stepzero_rnn.engine.linalg import products
from stepzero_rnn.engine.thread_pool import Stop, ThreadPool
from stepzero_rnn.engine.words.philox import key
from stepzero_rnn.plan import plan
from stepzero_rnn.spec.checkpoint import Spec
from tests.bench.measure import in_turn, ratio, row
from tests.bench.test_draws import timed

pytestmark = pytest.mark.bench

ROUNDS = 3
Matrix = np.ndarray[Any, np.dtype[np.float64]]
normal = np.random.default_rng(0).standard_normal


def haar(n: int) -> Matrix:
    """Return a Haar matrix."""
    return np.asarray(stats.ortho_group.rvs(n))


def spectral_radius(n: int) -> Matrix:
    """Scale by the largest eigenvalue."""
    drawn = normal((n, n))
    return np.asarray(drawn * (0.9 / np.abs(np.linalg.eigvals(drawn)).max()))


def np_rnn(n: int) -> Matrix:
    """Divide by the largest eigenvalue."""
    drawn = normal((n, n))
    matrix = drawn.T @ drawn / n + np.eye(n)
    return np.asarray(matrix / np.linalg.eigvalsh(matrix)[-1])


def skew(n: int) -> Matrix:
    """Take the exponential of a skew matrix."""
    drawn = normal((n, n)) / np.sqrt(n)
    return np.asarray(linalg.expm(0.01 * (drawn - drawn.T - 0.01 * np.eye(n))))


def ring_spectrum(n: int) -> Matrix:
    """Turn rotations into a random basis."""
    basis, radii = haar(n), np.sqrt(np.random.rand(n // 2) * (0.999**2 - 0.9**2) + 0.9**2)
    phases = np.random.rand(n // 2) * 2 * np.pi
    rotations = [[np.cos(phases), -np.sin(phases)], [np.sin(phases), np.cos(phases)]]
    blocks = linalg.block_diag(*np.moveaxis(radii * np.array(rotations), 2, 0))
    return np.asarray(basis.T @ blocks @ basis)


def lsuv(n: int) -> Matrix:
    """Scale by the spread of the outputs."""
    drawn = haar(n)
    return drawn / np.std(drawn @ normal((n, 256)))


SCRIPTS: Mapping[str, tuple[Mapping[str, Any], Callable[[int], Matrix]]] = {
    "spectral_band": ({}, lambda n: haar(n) * np.random.uniform(0.9, 1.1, n) @ haar(n)),
    "spectral_radius": ({}, spectral_radius),
    "np_rnn": ({}, np_rnn),
    "skew": ({}, skew),
    "ring_spectrum": ({"basis": "random"}, ring_spectrum),
    "lsuv": ({}, lsuv),
}


@pytest.mark.parametrize("hidden", [512, 1024])
@pytest.mark.parametrize("name", SCRIPTS)
def test_matrices(name: str, hidden: int) -> None:
    options, script = SCRIPTS[name]
    scheme = {"scheme": name, **options}
    given = {"rnn_type": "rnn", "nonlinearity": "relu", "input_size": 1, "hidden_size": hidden}
    tensor = plan(Spec.model_validate(given | {"init": {"weight_hh": scheme}})).tensors[1]
    own = np.ones(hidden * hidden, np.float32)
    with ThreadPool() as workers:
        sampler = Sampler(0, workers)
        runs = {
            "ours": timed(lambda: sampler.tensor(tensor, own)),
            "numpy, scipy": timed(lambda: script(hidden).astype(np.float32)),
        }
        found = in_turn(runs, ROUNDS)
    print()
    row(f"{name}, {hidden}", "seconds", "ours is faster by", "planned, 10⁹/s")
    for who, seconds in found.items():
        took, planned = median(seconds), tensor.multiply_adds if who == "ours" else 0
        pace = f"{planned / took / 1e9:.0f}" if planned else ""
        row(who, f"{took:.4f}", f"{ratio(seconds, found['ours']):.2f}x", pace)


@pytest.mark.parametrize("side", [256, 512, 1024, 2048])
def test_products(side: int) -> None:
    """The product of two square matrices, beside BLAS; in every one of our sums the terms
    ascend.
    """
    matrix = normal((side, side))
    with ThreadPool() as workers:
        run = partial(workers.run, stop=Stop())
        tiles = products.gaussians(side, side, key(0, 0), run)
        out = np.empty_like(tiles)
        runs = {
            "ours": timed(lambda: products.product(tiles, tiles, run, out)),
            "numpy": timed(lambda: matrix @ matrix),
        }
        found = in_turn(runs, ROUNDS)
    print()
    row(f"product, {side}", "GFLOP/s", "ours is faster by")
    for who, seconds in found.items():
        row(
            who,
            f"{2 * side**3 / 1e9 / median(seconds):.1f}",
            f"{ratio(seconds, found['ours']):.2f}x",
        )
