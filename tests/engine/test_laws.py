"""Every scheme draws by the law that its source states: its moments, and the distribution as a
whole.

What a scheme draws is put in standard deviations from the mean, both as promised, so that all
blocks of a network are one sample of n numbers from one law that nothing is fitted to.  Each bound
is where a perfect generator would fail for one seed in about two million (five standard errors of a
normal estimator); the seeds are fixed.

The elements of one orthogonal block are not independent.  They are held to a unit length, and so
are spread more evenly than independent ones: the bounds are on the safe side.
"""

from __future__ import annotations

from math import sqrt
from typing import Any, NamedTuple

import numpy as np
import pytest

from stepzero_rnn.engine.draw import Sampler
from stepzero_rnn.engine.thread_pool import ThreadPool
from tests.engine.drawing import Values, planned, values, widened
from tests.engine.promises import BIASES, WEIGHTS, Promise, blocks, cut, named

pytestmark = pytest.mark.statistical

H = 192
NETWORK = {"rnn_type": "lstm", "input_size": 128, "hidden_size": H, "seed": 7}
UNITS = 16_384  # of the network whose biases are drawn
SURE = 5  # standard errors
# Beyond 5 standard errors a normal number has p = 5.7e−7.  Kolmogorov: P(√n·D > d) → 2·exp(−2d²) =
# p.
KOLMOGOROV = 2.745
# Anderson & Darling: A² → Σ χ²ⱼ/(j(j + 1)), whose tail is led by j = 1: P(A² > a) → √(3/πa)·exp(−a)
# = p.
ANDERSON = 13.06
# u·(high − low) + low is within half a step of 2⁻²⁴ of the real number: no share of the law is
# known more exactly.
STEP = 2.0**-25
CUTS = [(-0.1, 0.1), (-1, 2.9), (-5, 5), (-12, 12), (1, 2), (3, 9), (-9, -4), (0, 9), (7.9, 9)]  # fmt: skip

LAWS = {f"weight-{named(promise)}": promise for promise in WEIGHTS if promise.random}
LAWS |= {f"cut at {low} and {high}": cut(0.0, 1.0, low, high) for low, high in CUTS}
TOTALS = {f"bias-{named(promise)}": promise for promise in BIASES if promise.random}


class Sample(NamedTuple):
    """What a scheme drew, in standard deviations from the mean, and the law that it promises for
    that.

    `shares` are the law's distribution function at every number, in ascending order: uniform, if
    the law holds.
    """

    drawn: Values
    law: Any
    shares: Values


def judged(drawn: Values, law: Any) -> Sample:
    """Hold standardized numbers beside their law."""
    return Sample(drawn, law, np.clip(law.cdf(np.sort(drawn)), STEP, 1 - STEP))


@pytest.fixture(scope="module", params=[*LAWS, *TOTALS])
def sample(request: pytest.FixtureRequest) -> Sample:
    if request.param in LAWS:
        return weights(LAWS[request.param])
    return totals(TOTALS[request.param])


def weights(promise: Promise) -> Sample:
    """Draw 245,760 weights; of a sparse block, those that are not zero."""
    parts = []
    for block in blocks(promise, NETWORK):
        rows, cols = block.shape
        std = promise.std(cols, rows, H) / sqrt(promise.drawn)
        drawn = block.reshape(-1) if promise.drawn == 1 else block[block != 0]
        parts.append((drawn - promise.mean) / std)
    return judged(np.concatenate(parts), promise.law(max(block.shape)))


def totals(promise: Promise) -> Sample:
    """Draw the 65,536 totals of both biases."""
    init = {"bias": dict(promise.scheme)}
    made = planned({"rnn_type": "lstm", "input_size": 1, "hidden_size": UNITS, "init": init})
    with ThreadPool(1) as workers:
        sampler = Sampler(made.spec.seed, workers)
        biases = [widened(sampler.tensor(t), t) for t in made.tensors if t.name.startswith("bias")]
    total = np.sum(biases, axis=0)
    return judged((total - promise.mean) / promise.std(1, UNITS, UNITS), promise.law(UNITS))


def moment(law: Any, power: int) -> float:
    """Return E zᵏ, by Gauss and Legendre's rule over the support, or where that is longer over 40
    standard deviations.
    """
    low, high = np.clip(law.support(), -40, 40)
    nodes, shares = np.polynomial.legendre.leggauss(300)
    z = low + (high - low) / 2 * (nodes + 1)
    return float((shares * law.pdf(z) * z**power).sum() * (high - low) / 2)


class TestEveryRandomScheme:
    @pytest.mark.parametrize(
        "power", [1, 2, 3, 4], ids=["mean", "variance", "skewness", "kurtosis"]
    )
    def test_has_the_moment_of_its_law(self, sample: Sample, power: int) -> None:
        expected, square = moment(sample.law, power), moment(sample.law, 2 * power)
        # The mean of n independent zᵏ has the variance (E z²ᵏ − (E zᵏ)²)/n.
        error = sqrt((square - expected**2) / len(sample.drawn))

        assert abs((sample.drawn**power).mean() - expected) <= SURE * error

    def test_has_the_distribution_of_its_law(self, sample: Sample) -> None:
        shares = sample.shares
        n = len(shares)
        distance = np.abs(shares - (np.arange(n) + 0.5) / n).max() + 0.5 / n

        assert distance * sqrt(n) <= KOLMOGOROV

    def test_has_the_tails_of_its_law(self, sample: Sample) -> None:
        shares = sample.shares
        n = len(shares)
        logs = np.log(shares) + np.log1p(-shares[::-1])

        assert -n - (np.arange(1, 2 * n, 2) * logs).sum() / n <= ANDERSON


@pytest.mark.parametrize(
    "promise",
    [p for p in WEIGHTS if not p.random and p.scheme["scheme"] not in ("identity", "hadamard")],
    ids=named,
)
def test_a_weight_that_is_not_drawn_is_its_value(promise: Promise) -> None:
    for block in blocks(promise, NETWORK):
        assert (block == promise.mean).all()


@pytest.mark.parametrize("promise", [p for p in BIASES if not p.random], ids=named)
def test_a_bias_that_is_not_drawn_is_its_value(promise: Promise) -> None:
    drawn = values(NETWORK | {"init": {"bias": dict(promise.scheme)}})

    assert (drawn["bias_ih_l0"] + drawn["bias_hh_l0"] == promise.mean).all()


@pytest.mark.parametrize(("low", "high"), CUTS)
def test_a_cut_normal_stays_within_its_cuts(low: float, high: float) -> None:
    for block in blocks(cut(0.0, 1.0, low, high), NETWORK):
        assert np.float32(low) <= block.min()
        assert block.max() <= np.float32(high)


def test_a_cut_normal_takes_many_values() -> None:
    (block, *_) = blocks(cut(0.0, 1.0, -2.0, 2.0), NETWORK)

    # As torch's own suite asks (test/nn/test_init.py): more than half of 10,000 are different.
    assert len(np.unique(block.reshape(-1)[:10_000])) > 5000
