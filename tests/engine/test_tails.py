"""The far tails and the finest steps of the draws: how many numbers lie out there, and where the
last one is.

A radius is one of 2²⁴, so the far tail of a normal number is a lattice's.  Both counts are known:
`normal_share` is that of the ideal law, `lattice_share` that of stream version 1.  Extreme words
are too rare to wait for; `placed` finds where they stand.
"""

from __future__ import annotations

from collections import Counter
from math import erfc, pi, sqrt

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from stepzero_rnn.engine.elements.distributions import Normal, Uniform
from stepzero_rnn.engine.words.philox import Key, fill_words, key
from stepzero_rnn.plan import stream_of

pytestmark = pytest.mark.statistical

SURE = 5  # standard errors, where a count is nearly normal
RARE = 2 * stats.norm.sf(SURE)  # the same chance of a false alarm, where it is not: 5.7e−7
WORD = 0xFFFFFFFF  # the largest, and the mask of one
PLACE = key(7, stream_of("weight_hh_l0", "i"))
MAX_DEVIATIONS = 5.887050112577373  # √(−2·ln 2⁻²⁵)
TILE = 1 << 18


def normal_share(cut: float) -> float:
    """Return the chance that a normal number is beyond ±cut."""
    return erfc(cut / sqrt(2))


def lattice_share(cut: float) -> float:
    """Return the same for the 2²⁴ radii R of stream version 1: R·cos θ is beyond where |cos θ| >
    cut/R.
    """
    radii = np.sqrt(-2 * np.log((np.arange(1 << 20) + 0.5) / 2**24))  # all above 2.4
    return float(2 / pi * np.arccos(cut / radii[radii > cut]).sum() / 2**24)


def beyond(cuts: tuple[float, ...], count: int) -> Counter[float]:
    """Count the numbers beyond each ±cut among `count` normal ones, and those beyond the
    farthest.
    """
    counts = Counter(dict.fromkeys((*cuts, MAX_DEVIATIONS), 0))
    tile = np.empty(TILE, np.float32)
    for first in range(0, count, TILE):
        part = tile[: count - first]
        Normal(0.0, 1.0).fill(part, first, PLACE)
        size = np.abs(part)
        for cut in counts:
            counts[cut] += int(np.count_nonzero(size > np.float32(cut)))
    return counts


def assert_poisson(count: int, expected: float) -> None:
    """Hold a count of rare independent events beside its expectation."""
    least, most = stats.poisson.interval(1 - RARE, expected)
    assert least <= count <= most


def placed(words: tuple[int, int, int, int]) -> tuple[int, Key]:
    """Return a group and a key whose words these are: each round of Philox undone, the last one
    first.
    """
    c0, c1, c2, c3 = words
    for turn in range(9, -1, -1):
        k0, k1 = turn * 0x9E3779B9 & WORD, turn * 0xBB67AE85 & WORD
        before0, before2 = (
            c3 * pow(0xD2511F53, -1, 1 << 32) & WORD,
            c1 * pow(0xCD9E8D57, -1, 1 << 32) & WORD,
        )
        c1 = c0 ^ (before2 * 0xCD9E8D57 >> 32) ^ k0
        c3 = c2 ^ (before0 * 0xD2511F53 >> 32) ^ k1
        c0, c2 = before0, before2
    group = int(np.uint64(c0 | c1 << 32).astype(np.int64))
    return group, key(0, c2 | c3 << 32)


def drawn(law: Normal | Uniform, words: tuple[int, int, int, int]) -> NDArray[np.float32]:
    """Let the kernel draw from four words."""
    out = np.empty(4, np.float32)
    group, place = placed(words)
    law.fill(out, 4 * group, place)
    return out


def test_every_four_words_stand_somewhere() -> None:
    group, place = placed((1, 2, 3, 0xDEADBEEF))
    words = np.empty(4, np.uint32)
    fill_words(words, group, *place)

    assert words.tolist() == [1, 2, 3, 0xDEADBEEF]


class TestTailsOfTheNormal:
    def test_hold_as_many_of_ten_million_as_the_law_says(self) -> None:
        counts = beyond((3.0, 4.0), 10_000_000)

        assert_poisson(counts[3.0], normal_share(3.0) * 10_000_000)
        assert_poisson(counts[4.0], normal_share(4.0) * 10_000_000)
        assert counts[MAX_DEVIATIONS] == 0

    @pytest.mark.slow
    def test_hold_as_many_of_a_thousand_million_as_the_law_says(self) -> None:
        counts = beyond((4.0, 5.0, 5.5), 1_000_000_000)

        for cut in (4.0, 5.0, 5.5):
            assert_poisson(counts[cut], lattice_share(cut) * 1_000_000_000)
            assert_poisson(counts[cut], normal_share(cut) * 1_000_000_000)
        assert counts[MAX_DEVIATIONS] == 0

    @pytest.mark.parametrize(
        ("cut", "missing"), [(4.0, 4.7e-6), (5.0, 1.04e-3), (5.5, 2.61e-2), (5.8, 1.48e-2)]
    )
    def test_are_thinner_than_the_ideal_by_what_the_lattice_leaves_out(
        self, cut: float, missing: float
    ) -> None:
        assert 1 - lattice_share(cut) / normal_share(cut) == pytest.approx(missing, rel=0.01)

    @pytest.mark.parametrize(
        ("quarter", "expected"),
        [
            (0, (MAX_DEVIATIONS, 0)),
            (1, (0, MAX_DEVIATIONS)),
            (2, (-MAX_DEVIATIONS, 0)),
            (3, (0, -MAX_DEVIATIONS)),
        ],
    )
    def test_end_at_5_887(self, quarter: int, expected: tuple[float, float]) -> None:
        pair = drawn(Normal(0.0, 1.0), (0, quarter << 30, 0, 0))[:2]

        assert pair.tolist() == [np.float32(z) for z in expected]

    def test_reach_no_farther_at_any_angle(self) -> None:
        angles = np.random.default_rng(0).integers(1 << 32, size=2000).tolist()
        for angle in angles:
            size = np.abs(drawn(Normal(0.0, 1.0), (0xFF, angle, 0, angle)))

            assert size.max() <= np.float32(MAX_DEVIATIONS)

    def test_are_walked_in_steps_of_the_first_words_upper_24_bits(self) -> None:
        for k in (0, 1, 2, 100, 1 << 20):
            first, *_ = drawn(Normal(0.0, 1.0), (k << 8 | 0xFF, 0, 0, 0))

            assert first == pytest.approx(sqrt(-2 * np.log((k + 0.5) / 2**24)), rel=2**-22)


class TestCentreOfTheNormal:
    def test_is_zero_for_the_last_radius(self) -> None:
        # (2²⁴ − ½)/2²⁴ is 1 in float32: two zeros, once in 2²⁴ pairs.
        assert drawn(Normal(0.0, 1.0), (WORD, 12345, WORD, 1 << 31)).tolist() == [0, 0, 0, 0]

    def test_has_no_hole_wider_than_1e_12(self) -> None:
        # The shortest radius but 0 is that of 1 − 2⁻²³; the smallest angle but 0 is 2⁻³⁰ of a
        # quarter.
        _, smallest, *_ = drawn(Normal(0.0, 1.0), (0xFFFFFEFF, 1, 0, 0))

        assert smallest == pytest.approx(sqrt(2 * 2**-23) * pi / 2 * 2**-30, rel=1e-6)
        assert smallest < 1e-12


class TestStepsOfTheUniform:
    def test_are_2_24_from_0_to_just_below_1(self) -> None:
        numbers = drawn(Uniform(0.0, 1.0), (0xFF, 0x100, 0x7FFFFFFF, WORD))

        assert numbers.tolist() == [0, 2**-24, 0.5 - 2**-24, 1 - 2**-24]

    @pytest.mark.parametrize("bound", [1.0, 0.1, 1 / sqrt(3), 2.0**-20])
    def test_about_zero_begin_at_low_end_below_high_and_are_2_23_of_the_bound(
        self, bound: float
    ) -> None:
        high = np.float32(bound)
        first, below, middle, last = drawn(
            Uniform(-bound, bound), (0, 0x7FFFFFFF, 0x80000000, WORD)
        )

        assert first == -high
        assert middle == 0
        assert below == pytest.approx(
            -bound * 2**-23, rel=0.5
        )  # u·s is rounded by up to half of it
        assert high * (1 - 2**-22) <= last < high

    def test_may_round_to_high_where_float32_has_fewer_steps(self) -> None:
        # On [4, 8) the steps of float32 are 2⁻²¹: eight of the law's fall to each.
        last, lower, *_ = drawn(Uniform(5.0, 6.0), (WORD, WORD - 0x500, 0, 0)).tolist()

        assert (last, lower) == (6, 6 - 2**-21)

    def test_are_all_of_2_24_and_equally_likely(self) -> None:
        steps = uniform_steps(1 << 22)

        for shift in (0, 8, 16):  # the low, the middle and the high bits
            counts = np.bincount(steps >> shift & 0xFF, minlength=256)

            assert stats.chisquare(counts).pvalue > RARE

    def test_set_each_bit_half_of_the_time_and_no_two_together_more_often(self) -> None:
        count = 1 << 18
        steps = uniform_steps(count)
        signs = np.array([steps >> bit & 1 for bit in range(24)], np.float64) * 2 - 1

        # The mean of n fair signs, and of the product of two, is normal with a standard error of
        # 1/√n; 276 products.
        assert np.abs(signs.mean(axis=1)).max() <= 6 / sqrt(count)
        assert np.abs((signs @ signs.T / count)[np.triu_indices(24, 1)]).max() <= 6 / sqrt(count)


def uniform_steps(count: int) -> NDArray[np.int64]:
    """Draw on [0, 1); give which of the 2²⁴ steps each number stands on."""
    numbers = np.empty(count, np.float32)
    Uniform(0.0, 1.0).fill(numbers, 0, PLACE)
    steps = numbers.astype(np.float64) * 2**24

    assert np.array_equal(steps, np.rint(steps))
    return steps.astype(np.int64)
