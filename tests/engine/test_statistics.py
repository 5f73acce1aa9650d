"""The figures of a tensor, beside NumPy's."""

from __future__ import annotations

from dataclasses import asdict, replace
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from stepzero_rnn.engine.statistics import Counter, figures, join
from stepzero_rnn.summary import QUANTILES, Figures

Numbers = NDArray[np.float32] | NDArray[np.float64]
TILE = 1 << 16
RANDOM = np.random.default_rng(0)
SAMPLES: dict[str, Numbers] = {
    "normal": RANDOM.normal(size=30_000).astype(np.float32),
    "normal, few": RANDOM.normal(size=500).astype(np.float32),
    "normal, in float64": RANDOM.normal(size=30_000),
    "uniform, far from zero": RANDOM.uniform(5, 6, 9000).astype(np.float32),
    "positive": RANDOM.uniform(0, 1e-3, 9001).astype(np.float32),
    "negative": -RANDOM.uniform(1, 10, 777).astype(np.float32),
    "of all sizes": (10 ** RANDOM.uniform(-30, 18, 9000)).astype(np.float32),
    "sparse": np.where(RANDOM.uniform(size=9000) < 0.9, 0, RANDOM.normal(size=9000)).astype(
        np.float32
    ),
    "constant": np.full(9000, 0.3, np.float32),
    "zeros": np.zeros(9000, np.float32),
    "both zeros": np.array([0.0, -0.0] * 20, np.float32),
    "one": np.array([-2.5], np.float32),
    "one, in float64": np.array([0.1]),
    "two": np.array([1.0, 2.0], np.float32),
    "subnormal": np.array([1e-45, -1e-45, 3e-42, 0.0], np.float32),
}
every_sample = pytest.mark.parametrize("sample", SAMPLES.values(), ids=list(SAMPLES))


def measured(sample: Numbers, *, tile: int = TILE) -> Figures:
    """Measure numbers, tile by tile, as they are drawn."""
    counter = Counter(len(sample))
    for at in range(0, len(sample), tile):
        counter.add(sample[at : at + tile])
    return figures(counter.tally(), expected_std=0.5)


@every_sample
class TestEverySample:
    def test_has_numpys_mean(self, sample: Numbers) -> None:
        exact = sample.astype(np.float64)
        # The sums are rounded to float64 at most once an element.
        error = 2**-53 * np.abs(exact).sum()

        assert measured(sample).mean == pytest.approx(exact.mean(), rel=0, abs=error)

    def test_has_numpys_standard_deviation(self, sample: Numbers) -> None:
        exact = sample.astype(np.float64)

        # Var = E x² − (E x)²: an error of 2⁻⁴⁵ or so of E x², then the root.
        assert measured(sample).std == pytest.approx(
            exact.std(), rel=1e-9, abs=1e-7 * np.sqrt((exact**2).mean())
        )

    def test_has_numpys_norm(self, sample: Numbers) -> None:
        norm = np.linalg.norm(sample.astype(np.float64))

        assert measured(sample).norm == pytest.approx(norm, rel=1e-12)

    def test_has_the_exact_bounds(self, sample: Numbers) -> None:
        found = measured(sample)

        assert (found.min, found.max) == (sample.min(), sample.max())

    def test_counts_elements_and_zeros_exactly(self, sample: Numbers) -> None:
        found = measured(sample)

        assert (found.elements, found.nonfinite) == (len(sample), 0)
        assert found.fraction_zero == (sample == 0).sum() / len(sample)

    def test_counts_in_bins_as_numpy_does(self, sample: Numbers) -> None:
        histogram = measured(sample).histogram
        counts, _ = np.histogram(sample.astype(np.float64), bins=histogram.edges)

        assert histogram.counts == counts.tolist()
        assert sum(histogram.counts) == len(sample)

    def test_has_ascending_edges_about_all_elements(self, sample: Numbers) -> None:
        edges = measured(sample).histogram.edges

        assert 2 <= len(edges) <= 33
        assert edges == sorted(set(edges))
        assert edges[0] <= sample.min() <= sample.max() <= edges[-1]

    def test_has_quantiles_within_a_256th(self, sample: Numbers) -> None:
        quantiles = measured(sample).quantiles
        for probability in QUANTILES:
            exact = np.quantile(sample.astype(np.float64), probability, method="inverted_cdf")

            # Half a cell is 2⁻⁸ of a number; below 2⁻¹¹⁰ or so float32's own steps are coarser.
            assert quantiles[str(probability)] == pytest.approx(exact, rel=2**-8, abs=1e-40)

    def test_has_quantiles_in_order_and_in_bounds(self, sample: Numbers) -> None:
        quantiles = list(measured(sample).quantiles.values())

        assert quantiles == sorted(quantiles)
        assert sample.min() <= quantiles[0] <= quantiles[-1] <= sample.max()

    def test_has_the_same_figures_in_pieces(self, sample: Numbers) -> None:
        whole, pieces = Counter(len(sample)), []
        middle = len(sample) // 2
        for part in (sample[:middle], sample[middle:]):
            if len(part):
                whole.add(part)
                pieces.append(Counter(len(sample)))
                pieces[-1].add(part)

        joined = join([piece.tally() for piece in pieces])

        assert figures(joined, expected_std=0) == figures(whole.tally(), expected_std=0)


class TestJoin:
    def test_of_gates_is_the_whole(self) -> None:
        sample = SAMPLES["normal"]
        counters = []
        for at in range(0, len(sample), len(sample) // 4):
            part = sample[at : at + len(sample) // 4]
            counters.append(Counter(len(part)))
            counters[-1].add(part)
        joined = figures(join([counter.tally() for counter in counters]), expected_std=0.5)

        whole = measured(sample, tile=len(sample) // 4)
        assert joined == whole

    def test_of_a_few_and_of_many_agree_on_counts(self) -> None:
        few, many = Counter(10), Counter(10_000)
        few.add(SAMPLES["normal"][:10])
        many.add(SAMPLES["normal"][10:10_010])
        joined = figures(join([few.tally(), many.tally()]), expected_std=0.5)

        whole = measured(SAMPLES["normal"][:10_010])
        assert (joined.histogram, joined.quantiles) == (whole.histogram, whole.quantiles)

    def test_of_one_is_that_one(self) -> None:
        counter = Counter(3)
        counter.add(np.ones(3, np.float32))
        tally = counter.tally()

        assert join([tally]) is tally


class TestNotFinite:
    @pytest.mark.parametrize(
        ("sample", "count"),
        [([inf], 1), ([nan], 1), ([-inf, 1.0], 1), ([inf, -inf, nan, 0.0], 3), ([nan, nan], 2)],
    )
    @pytest.mark.parametrize("kind", [np.float32, np.float64])
    def test_is_counted_and_leaves_no_figure_that_json_cannot_hold(
        self, sample: list[float], count: int, kind: Any
    ) -> None:
        found = measured(np.array(sample, kind))

        assert found.nonfinite == count
        assert [found.mean, found.std, found.min, found.max, found.norm] == [None] * 5
        assert (found.quantiles, found.histogram.counts) == ({}, [])

    def test_leaves_zeros_counted(self) -> None:
        assert measured(np.array([0.0, -0.0, inf, 1.0], np.float32)).fraction_zero == 0.5


class TestZeros:
    def test_of_either_sign_are_zeros(self) -> None:
        assert measured(np.array([0.0, -0.0, 1.0, -1.0], np.float32)).fraction_zero == 0.5

    @pytest.mark.parametrize("sample", [[-0.0], [-0.0, -0.0], [-0.0, 0.0], [0.0]])
    def test_are_written_without_a_sign(self, sample: list[float]) -> None:
        found = measured(np.array(sample, np.float32))

        assert [str(number) for number in (found.min, found.max, found.mean)] == ["0.0"] * 3

    @pytest.mark.parametrize("kind", [np.float32, np.float64])
    def test_of_either_sign_give_the_same_figures(self, kind: Any) -> None:
        plus, minus = (measured(np.array([zero, 2.0, zero], kind)) for zero in (0.0, -0.0))

        assert asdict(plus) == asdict(minus)


def test_a_constant_has_no_spread_at_all() -> None:
    assert measured(np.full(100_000, 0.1, np.float32)).std == 0.0


def test_the_promised_spread_is_repeated() -> None:
    assert measured(SAMPLES["one"]).expected_std == 0.5


@given(
    arrays.arrays(
        np.float32, st.integers(1, 60), elements=st.floats(-(2.0**100), 2.0**100, width=32)
    )
)
@settings(max_examples=60, deadline=None)
def test_any_numbers_are_counted_as_numpy_counts_them(sample: NDArray[np.float32]) -> None:
    histogram = measured(sample).histogram
    counts, _ = np.histogram(sample.astype(np.float64), bins=histogram.edges)

    assert histogram.counts == counts.tolist()


@given(
    arrays.arrays(
        np.float32, st.integers(1, 60), elements=st.floats(-(2.0**100), 2.0**100, width=32)
    )
)
@settings(max_examples=60, deadline=None)
def test_few_numbers_and_many_are_counted_alike(sample: NDArray[np.float32]) -> None:
    large = Counter(1 << 20)  # as a piece of a large tensor, counted on the whole grid
    large.add(sample)

    many = figures(large.tally(), expected_std=0.5)
    assert many == replace(measured(sample), expected_std=0.5)


class TestHugeNumbers:
    """Finite float64s that float32 cannot hold, and float32s beside its largest."""

    @pytest.mark.parametrize("sample", [[1e300] * 3, [1e39, 1.0, 2.0], [1e308, -1e308, 2.0]])
    def test_of_float64_have_finite_quantiles_and_edges(self, sample: list[float]) -> None:
        found = measured(np.array(sample))

        assert np.isfinite(list(found.quantiles.values())).all()
        assert np.isfinite(found.histogram.edges).all()

    def test_of_float64_that_overflow_a_sum_are_measured(self) -> None:
        sample = np.concatenate([np.full(8, 1.7e308), np.full(8, -1.7e308)])

        assert measured(sample, tile=8).elements == 16

    @pytest.mark.parametrize("sample", [[3.4028e38] * 3, [-3.4e38, 1.0], [3.4e38, -1.0]])
    def test_of_float32_have_finite_edges(self, sample: list[float]) -> None:
        assert np.isfinite(measured(np.array(sample, np.float32)).histogram.edges).all()
