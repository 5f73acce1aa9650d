"""Neighbours tell nothing of each other: seeds, streams, layers, directions, tensors, gates,
elements.

The correlation r of n pairs of independent numbers is nearly normal with a standard error of 1/√n,
whatever the laws of the two.  Where many pairs of samples are looked at, the bound is Bonferroni's:
all of them together fail for one seed in two million.  Numbers are compared, their sizes and their
squares: the radius that two normal numbers share, say, would show in the squares alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations
from math import sqrt

import numpy as np
import pytest
from scipy import stats

from stepzero_rnn.engine.elements.distributions import CutNormal, ElementLaw, Normal, Uniform
from stepzero_rnn.engine.words.philox import key
from stepzero_rnn.plan import stream_of
from tests.engine.drawing import Values, values
from tests.engine.promises import WEIGHTS, Promise, named

pytestmark = pytest.mark.statistical

ALARM = 2 * stats.norm.sf(5)  # the chance that a perfect generator fails a test: 5.7e−7
H = 48
SEEDS = [7, 8, 9, 7 + 2**32]
NETWORK = {
    "rnn_type": "lstm",
    "input_size": 2 * H,  # as wide as the second layer's
    "hidden_size": H,
    "num_layers": 2,
    "bidirectional": True,
    "bias": False,
}
AXES = ("seeds", "layers", "directions", "tensors", "gates")
SCHEMES = {  # one row of each: the others differ in scale
    (promise.scheme["scheme"], promise.scheme.get("scope")): promise
    for promise in reversed(WEIGHTS)
    if promise.random
}
VIEWS: Mapping[str, Callable[[Values], Values]] = {
    "numbers": np.array,
    "sizes": np.abs,
    "squares": np.square,
}
LAWS = [Uniform(-1.0, 1.0), Normal(0.0, 1.0), CutNormal(0.0, 1.0, -2.0, 2.0)]
STREAM = stream_of("weight_hh_l0", "i")
COUNT = 1 << 13

every_view = pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
every_law = pytest.mark.parametrize("law", LAWS, ids=lambda law: type(law).__name__.lower())


@pytest.fixture(scope="module", params=SCHEMES.values(), ids=named)
def grid(request: pytest.FixtureRequest) -> Values:
    """What a scheme draws, less its mean, by seed, layer, direction, tensor, gate and element (2304
    of each block).
    """
    promise: Promise = request.param
    init = dict(promise.scheme)
    blocks = [
        drawn[f"{tensor}_l{layer}{direction}"].reshape(4, -1)[:, : H * H]
        for drawn in (values(NETWORK | {"init": init, "seed": seed}) for seed in SEEDS)
        for layer in (0, 1)
        for direction in ("", "_reverse")
        for tensor in ("weight_ih", "weight_hh")
    ]
    return np.reshape(blocks, (len(SEEDS), 2, 2, 2, 4, H * H)) - promise.mean


def standardized(blocks: Values) -> Values:
    """Return every block the mean 0 and the variance 1: those of a scheme have as many spreads as
    fans.
    """
    centred = blocks - blocks.mean(axis=-1, keepdims=True)
    scaled: Values = centred / centred.std(axis=-1, keepdims=True)
    return scaled


def correlations(samples: Values) -> Values:
    """Return the correlations of all pairs of rows."""
    rows = samples.reshape(len(samples), -1)
    coefficients: Values = np.asarray(np.corrcoef(rows))[np.triu_indices(len(rows), 1)]
    return coefficients


def bound(pairs: int, count: int) -> float:
    """Return the greatest |r| that `pairs` correlations of `count` independent numbers may
    reach.
    """
    return float(stats.norm.isf(ALARM / 2 / pairs)) / sqrt(count)


def assert_independent(samples: Values) -> None:
    """Hold every two rows to be uncorrelated."""
    found = correlations(samples)
    assert np.abs(found).max() <= bound(len(found), samples[0].size)


class TestEveryScheme:
    @every_view
    @pytest.mark.parametrize("axis", AXES)
    def test_draws_neighbours_that_are_uncorrelated(
        self, grid: Values, axis: str, view: Callable[[Values], Values]
    ) -> None:
        assert_independent(np.moveaxis(standardized(view(grid)), AXES.index(axis), 0))

    def test_draws_no_two_blocks_that_are_correlated(self, grid: Values) -> None:
        assert_independent(grid.reshape(-1, H * H))

    def test_draws_elements_that_are_uncorrelated_with_the_next_eight(self, grid: Values) -> None:
        rows = standardized(grid).reshape(-1, H * H)
        for lag in range(1, 9):
            pairs = rows[:, lag:] * rows[:, :-lag]

            assert abs(pairs.mean()) <= bound(8, pairs.size)


def streams(law: ElementLaw, keys: list[tuple[int, int]], count: int = COUNT) -> Values:
    """Draw one row from every seed and stream."""
    out = np.empty((len(keys), count), np.float32)
    for row, (seed, stream) in zip(out, keys, strict=True):
        law.fill(row, 0, key(seed, stream))
    return out.astype(np.float64)


@every_law
@every_view
class TestEveryLaw:
    def test_draws_32_seeds_in_a_row_independently(
        self, law: ElementLaw, view: Callable[[Values], Values]
    ) -> None:
        assert_independent(view(streams(law, [(seed, STREAM) for seed in range(32)])))

    def test_draws_32_streams_in_a_row_independently(
        self, law: ElementLaw, view: Callable[[Values], Values]
    ) -> None:
        assert_independent(view(streams(law, [(7, STREAM + step) for step in range(32)])))

    def test_draws_seeds_that_differ_in_one_bit_independently(
        self, law: ElementLaw, view: Callable[[Values], Values]
    ) -> None:
        assert_independent(
            view(streams(law, [(0, STREAM)] + [(1 << bit, STREAM) for bit in range(53)]))
        )

    def test_draws_streams_that_differ_in_one_bit_independently(
        self, law: ElementLaw, view: Callable[[Values], Values]
    ) -> None:
        assert_independent(
            view(streams(law, [(7, STREAM)] + [(7, STREAM ^ 1 << bit) for bit in range(64)]))
        )

    def test_draws_elements_independently_of_the_next_eight(
        self, law: ElementLaw, view: Callable[[Values], Values]
    ) -> None:
        (row,) = view(streams(law, [(7, STREAM)], 1 << 20))
        row = standardized(row)
        for lag in range(1, 9):
            assert abs((row[lag:] * row[:-lag]).mean()) <= bound(8, len(row) - lag)

    def test_draws_the_four_numbers_of_a_group_independently(
        self, law: ElementLaw, view: Callable[[Values], Values]
    ) -> None:
        (row,) = view(streams(law, [(7, STREAM)], 1 << 20))

        assert_independent(row.reshape(-1, 4).T)


@pytest.mark.parametrize("name", ["seeds", "streams"])
def test_words_of_neighbours_agree_in_half_of_their_bits(name: str) -> None:
    keys = [(step, STREAM) if name == "seeds" else (7, STREAM + step) for step in range(16)]
    # A uniform number holds the upper 24 bits of its word.
    steps = (streams(Uniform(0.0, 1.0), keys) * 2**24).astype(np.uint32)
    pairs = list(combinations(steps, 2))
    agreeing = np.array([24 - np.bitwise_count(one ^ other).mean() for one, other in pairs])

    # 24 fair coins: a variance of 6, and COUNT words a pair.
    assert np.abs(agreeing - 12).max() <= bound(len(pairs), COUNT) * sqrt(6)
