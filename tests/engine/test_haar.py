"""Orthogonal matrices: orthogonal to the last digits, uniform among all of them, in every
precision.
"""

from __future__ import annotations

from functools import cache
from itertools import combinations
from math import sqrt
from typing import Any

import numpy as np
import pytest
from scipy import special, stats

from tests.engine.drawing import Values, values

SHAPES = [(1, 1), (1, 5), (5, 1), (2, 2), (3, 4), (4, 3), (7, 7), (8, 8), (9, 9)]
SHAPES += [(13, 64), (64, 13), (65, 65), (63, 130), (130, 129), (200, 200)]
SHAPES += [(1, 300), (300, 1), (15, 257), (257, 17)]
RARE = 2 * stats.norm.sf(5)  # p of five standard errors, 5.7e−7: one false alarm in two million


def orthogonal(rows: int, cols: int, seed: int = 0, **given: Any) -> Values:
    """Draw one (rows, cols) matrix, in float64 unless told otherwise."""
    request = {"rnn_type": "rnn", "input_size": cols, "hidden_size": rows, "dtype": "float64"}
    init = {"weight_ih": {"scheme": "orthogonal", **given.pop("scheme", {})}}
    return values(request | {"init": init, "seed": seed, "bias": False} | given)["weight_ih_l0"]


def error(q: Values, gain: float = 1.0) -> float:
    """Return how far the longer side is from orthonormal: max |QᵀQ − gain²·I|."""
    tall = q if q.shape[0] >= q.shape[1] else q.T
    return float(np.abs(tall.T @ tall - gain**2 * np.eye(tall.shape[1])).max())


@cache
def many(n: int, count: int, tensor: str = "weight_hh") -> Values:
    """Draw `count` matrices, (n, n) or for weight_ih (n, 2·n): of as many layers, in both
    directions.
    """
    request = {"rnn_type": "rnn", "input_size": 1, "hidden_size": n, "dtype": "float64", "seed": 5}
    request |= {"init": {tensor: "orthogonal"}, "bias": False}
    drawn = values(request | {"num_layers": count // 2 + 1, "bidirectional": True})
    return np.stack(
        [drawn[name] for name in drawn if name.startswith(tensor) and "_l0" not in name]
    )


def assert_on_a_sphere(points: Values) -> None:
    """Hold N points in n dimensions to be uniform on the unit sphere, by their first and second
    moments.

    N·n·|mean|² is χ² with n degrees of freedom (Rayleigh); with T = mean of x·xᵀ, N·n(n + 2)/2·(tr
    T² − 1/n) is χ² with (n − 1)(n + 2)/2 (Bingham; Mardia & Jupp, Directional Statistics, 10.4.1
    and 10.7.1).
    """
    count, n = points.shape
    rayleigh = count * n * (points.mean(axis=0) ** 2).sum()
    bingham = count * n * (n + 2) / 2 * (((points.T @ points / count) ** 2).sum() - 1 / n)

    assert stats.chi2(n).sf(rayleigh) > RARE
    assert stats.chi2((n - 1) * (n + 2) / 2).sf(bingham) > RARE


@pytest.mark.parametrize(("rows", "cols"), SHAPES)
class TestEveryShape:
    def test_is_orthogonal_to_float64s_last_digits(self, rows: int, cols: int) -> None:
        assert error(orthogonal(rows, cols)) <= 1e-14

    @pytest.mark.parametrize("gain", [0.1, 1.4142135623730951, 100.0])
    def test_is_scaled_by_the_gain(self, rows: int, cols: int, gain: float) -> None:
        scaled = orthogonal(rows, cols, scheme={"gain": gain})

        assert error(scaled, gain) <= 1e-14 * gain**2
        assert np.allclose(scaled, gain * orthogonal(rows, cols), rtol=1e-15, atol=0)

    @pytest.mark.parametrize(
        ("dtype", "half_ulp"), [("float32", 2**-24), ("float16", 2**-11), ("bfloat16", 2**-8)]
    )
    def test_is_as_orthogonal_as_its_precision_can_hold(
        self, rows: int, cols: int, dtype: str, half_ulp: float
    ) -> None:
        q = orthogonal(rows, cols, dtype=dtype)

        # Each element is off by at most half_ulp of itself (float16: 2⁻²⁵ below 2⁻¹⁴), so a product
        # of two unit columns by at most twice that, by Cauchy and Schwarz, and to second order.
        subnormal = 2 * 2**-25 * sqrt(max(rows, cols)) if dtype == "float16" else 0
        assert error(q) <= 2 * half_ulp + half_ulp**2 + subnormal + 1e-14


class TestUniformity:
    """Q is Haar: its law does not change when it is multiplied by any orthogonal matrix."""

    def test_both_determinants_are_equally_likely(self) -> None:
        signs = np.linalg.det(many(3, 600))

        assert np.allclose(np.abs(signs), 1)
        # A fair coin thrown 600 times: σ = √600/2.
        assert abs((signs > 0).sum() - 300) <= 5 * sqrt(600) / 2

    @pytest.mark.parametrize("n", [4, 9])
    def test_elements_are_coordinates_of_a_point_on_a_sphere(self, n: int) -> None:
        drawn = many(n, 600)
        # The square of one coordinate of a uniform point on the sphere in n dimensions is Beta(½,
        # (n − 1)/2).
        for row, column in [(0, 0), (0, n - 1), (n - 1, 0), (n - 1, n - 1), (1, 2)]:
            squares = drawn[:, row, column] ** 2

            assert stats.kstest(squares, stats.beta(0.5, (n - 1) / 2).cdf).pvalue > 1e-4

    @pytest.mark.parametrize("n", [4, 9])
    def test_every_element_is_as_often_negative_as_positive(self, n: int) -> None:
        negative = (many(n, 600) < 0).sum(axis=0)

        assert np.abs(negative - 300).max() <= 5 * sqrt(600) / 2

    def test_columns_have_mean_zero(self) -> None:
        drawn = many(9, 600)

        # An element has variance 1/9; 5 standard errors over 600 draws.
        assert np.abs(drawn.mean(axis=0)).max() <= 5 / 3 / sqrt(600)

    def test_a_planes_rotations_have_every_angle_alike(self) -> None:
        drawn = many(2, 1200)
        rotations = drawn[np.linalg.det(drawn) > 0]
        angles = np.arctan2(rotations[:, 1, 0], rotations[:, 0, 0])

        assert stats.kstest(angles, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-4

    def test_a_planes_reflections_have_every_axis_alike(self) -> None:
        drawn = many(2, 1200)
        reflections = drawn[np.linalg.det(drawn) < 0]
        angles = np.arctan2(reflections[:, 1, 0], reflections[:, 0, 0])

        assert stats.kstest(angles, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-4

    def test_eigenvalues_are_spread_over_the_circle(self) -> None:
        angles = np.angle(np.linalg.eigvals(orthogonal(200, 200)))

        # They repel each other, so they are more even than independent angles (Diaconis &
        # Shahshahani 1994).
        assert stats.kstest(angles, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 0.5

    @pytest.mark.parametrize("power", [1, 2, 3, 4])
    def test_traces_of_powers_are_normal(self, power: int) -> None:
        drawn = traces(many(9, 600), power)

        # Tr Qᵏ tends to N(1 if k is even else 0, k), exactly in its first moments (Diaconis &
        # Shahshahani 1994).
        assert abs(drawn.mean() - (power % 2 == 0)) <= 5 * sqrt(power / 600)
        assert abs(drawn.std() - sqrt(power)) <= 5 * sqrt(power / 2 / 600)

    def test_traces_of_powers_are_uncorrelated(self) -> None:
        for one, other in combinations((1, 2, 3, 4), 2):
            pairs = traces(many(9, 600), one), traces(many(9, 600), other)

            assert abs(np.corrcoef(*pairs)[0, 1]) <= 5 / sqrt(600)

    def test_eigenvalues_repel_each_other(self) -> None:
        n = 64
        spacings = np.concatenate([upper_spacings(q) for q in many(n, 200)]) * (n - 1) / (2 * np.pi)

        # Independent angles would be 0.28 off, those of a symmetric unitary matrix 0.068.
        distance = stats.kstest(spacings, unitary_spacing).statistic
        assert distance <= 0.0016 + stats.kstwobign.isf(RARE) / sqrt(len(spacings))

    @pytest.mark.parametrize("place", [0, 4, 7, 8])
    def test_every_column_and_row_is_a_point_on_a_sphere(self, place: int) -> None:
        assert_on_a_sphere(many(9, 600)[:, :, place])
        assert_on_a_sphere(many(9, 600)[:, place, :])

    @pytest.mark.parametrize("place", [0, 4])
    def test_every_row_of_a_wide_matrix_is_a_point_on_a_sphere(self, place: int) -> None:
        assert_on_a_sphere(many(5, 600, "weight_ih")[:, place, :])

    def test_columns_of_a_wide_matrix_are_cut_from_points_on_a_sphere(self) -> None:
        # A column is 5 of 10 coordinates of such a point: |column|² is Beta(5/2, 5/2).
        for column in (0, 7, 9):
            lengths = (many(5, 600, "weight_ih")[:, :, column] ** 2).sum(axis=1)

            assert stats.kstest(lengths, stats.beta(2.5, 2.5).cdf).pvalue > RARE

    def test_is_the_same_law_in_any_other_coordinates(self) -> None:
        directions = np.random.default_rng(0).normal(size=(20, 2, 9))
        for u, v in directions / np.linalg.norm(directions, axis=-1, keepdims=True):
            squares = (u @ many(9, 600) @ v) ** 2

            assert stats.kstest(squares, stats.beta(0.5, 4).cdf).pvalue > RARE


class TestJudges:
    """The laws above tell a Haar matrix from what is merely orthogonal."""

    @property
    def merely_orthogonal(self) -> Values:
        """LAPACK's QR factors of Gaussian matrices, signs as they come."""
        factors: Values = np.linalg.qr(np.random.default_rng(5).normal(size=(600, 9, 9))).Q
        return factors

    def test_see_it_in_the_determinant(self) -> None:
        assert abs(np.linalg.det(self.merely_orthogonal).sum()) > 5 * sqrt(600)

    def test_see_it_in_the_trace(self) -> None:
        assert abs(traces(self.merely_orthogonal, 1).mean()) > 5 / sqrt(600)

    @pytest.mark.parametrize("place", [0, 7])
    def test_see_it_in_a_column(self, place: int) -> None:
        with pytest.raises(AssertionError):
            assert_on_a_sphere(self.merely_orthogonal[:, :, place])


def traces(drawn: Values, power: int) -> Values:
    """Return the trace of a power of every matrix."""
    found: Values = np.trace(np.linalg.matrix_power(drawn, power), axis1=1, axis2=2)
    return found


def upper_spacings(q: Values) -> Values:
    """Return the angles between neighbouring eigenvalues on the upper half circle, ±1 left out."""
    angles = np.sort(np.angle(np.linalg.eigvals(q)))
    return np.diff(angles[(angles > 1e-9) & (angles < np.pi - 1e-9)])


def unitary_spacing(s: Values) -> Values:
    """Return the chance of a spacing below s means: Wigner's surmise for unitary matrices, 0.0016
    from the true law.

    An orthogonal matrix's eigenvalues are like a unitary one's, apart from ±1 and from coming in
    conjugate pairs.
    """
    density = np.exp(-4 * s**2 / np.pi)
    return np.asarray(special.erf(2 * s / sqrt(np.pi)) - 4 * s / np.pi * density)


def test_a_wide_matrix_has_orthonormal_rows() -> None:
    q = orthogonal(13, 64)

    assert np.abs(q @ q.T - np.eye(13)).max() <= 1e-14


def test_a_single_number_is_plus_or_minus_one() -> None:
    assert {float(orthogonal(1, 1, seed=seed)[0, 0]) for seed in range(20)} == {-1.0, 1.0}


@pytest.mark.slow
def test_is_orthogonal_to_float64s_last_digits_at_the_size_of_large_layers() -> None:
    assert error(orthogonal(2048, 2048)) <= 1e-14
    assert error(orthogonal(4096, 1000)) <= 1e-14
