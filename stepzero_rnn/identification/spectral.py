"""Tests of blocks whose singular values or eigenvalues are prescribed.

What is exact in the law must hold up to rounding; what is drawn is tested as a distribution.
Matrices with more than `SPECTRAL_SIDE` rows are not decomposed; their orthogonality is tested by
random vectors.
"""

from __future__ import annotations

from math import log, pi, sqrt
from typing import Any

import numpy as np
from scipy import linalg, special, stats

from stepzero_rnn.engine.elements.distributions import Normal
from stepzero_rnn.engine.laws.orthogonal import Orthogonal
from stepzero_rnn.engine.laws.scaled import PositiveDefinite, SpectralRadius, UnitOutput
from stepzero_rnn.engine.laws.spectra import RandomBasis, SkewExponential, SpectralBand
from stepzero_rnn.engine.words.philox import key
from stepzero_rnn.identification.elementwise import independent, products_p
from stepzero_rnn.identification.outcome import Outcome, Rank, combined
from stepzero_rnn.identification.patterns import vector, zeros_per_unit
from stepzero_rnn.identification.values import SPECTRAL_SIDE, BlockValues, Floats, once

PROBES = 4  # random vectors that stand for all
RADIUS_ERROR = 3e-6  # relative, of an eigenvalue of a matrix that was rounded to float32


def orthogonal(law: Orthogonal, values: BlockValues) -> Outcome | None:
    """Test that rows, or columns of a tall block, are orthogonal and of length `gain`, and that
    the elements are distributed as those of a Haar matrix.
    """
    gain = gain_of(values)
    if gain is None or abs(gain - law.gain) > law.gain * room_of(values):
        return None
    if law.special and not _has_positive_determinant(values):
        return None
    likelihood = _constraints(values) - log(law.gain * room_of(values))
    return Outcome(_haar_p(values, gain), Rank.MATRIX, likelihood)


def unit_output(law: UnitOutput, values: BlockValues) -> Outcome | None:
    """Test an orthogonal block whose gain is as random as the variance of the probe's outputs."""
    gain = gain_of(values)
    if gain is None:
        return None
    short = min(values.rows, values.cols)
    error = sqrt(1 / (2 * law.probe * short))
    deviation = (gain / sqrt(values.rows / short) - 1) / error
    p_value = combined([2 * float(special.ndtr(-abs(deviation))), _haar_p(values, gain)])
    likelihood = _constraints(values) - log(error) - deviation**2 / 2
    return Outcome(p_value, Rank.MATRIX, likelihood)


def spectral_band(law: SpectralBand, values: BlockValues) -> Outcome | None:
    """Test that the singular values are uniform on 1 ± margin, and the elements nearly normal."""
    found = singular_values(values)
    if found is None or not law.margin:
        return None
    shares = (found - 1 + law.margin) / (2 * law.margin)
    room = room_of(values) / law.margin
    if shares.min() < -room or shares.max() > 1 + room:
        return None
    normal_p = _uniform_p(special.ndtr(values.ordered / law.std))
    return Outcome(combined([_uniform_p(shares), normal_p]), Rank.SPREAD)


def spectral_radius(law: SpectralRadius, values: BlockValues) -> Outcome | None:
    """Test the radius, the connections per row, and that the elements are normal."""
    matrix, found = values.matrix, eigenvalues(values)
    if matrix is None or found is None:
        return None
    radius = float(np.abs(found).max())
    if abs(radius - law.radius) > law.radius * _radius_room(values):
        return None
    if law.kind == "ring":
        return _ring(law, values)
    kept = matrix
    if law.kind == "sparse":
        if zeros_per_unit(values, "in") != max(law.size - law.connections, 0):
            return None
        kept = matrix[matrix != 0]
    std = float(np.sqrt(np.mean(np.square(kept))))
    drawn = values if law.kind == "dense" else vector(kept.reshape(-1), values)
    fits = independent(Normal(0.0, std), drawn)
    return fits and Outcome(fits.p_value, Rank.CONSTRAINT, fits.log_likelihood)


def positive_definite(law: PositiveDefinite, values: BlockValues) -> Outcome | None:
    """Test (RᵀR/n + I)/λ: symmetric, of radius 1, with elements of R's variance off the diagonal.

    λ is estimated from the trace, whose mean is 2n/λ and whose standard deviation is √2/λ.
    """
    matrix, found = values.matrix, singular_values(values)
    size = law.size
    if matrix is None or found is None or size < 3:
        return None
    if np.abs(matrix - matrix.T).max() > values.slack(np.abs(matrix)).max():
        return None
    scale = 2 * size / float(np.trace(matrix))
    least = float(found.min()) * scale
    if abs(found.max() - 1) > _radius_room(values) or least < 1 - 6 / size - room_of(values):
        return None
    pairs = size * (size - 1) / 2
    above = matrix[np.triu_indices(size, 1)] * scale
    total = float(np.square(above).sum()) * size / pairs
    z = (total - 1) / sqrt(2 / pairs + 8 / size / size)
    return Outcome(2 * float(special.ndtr(-abs(z))), Rank.MATRIX)


def skew_exponential(law: SkewExponential, values: BlockValues) -> Outcome | None:
    """Test factor·exp(X), with X skew and normal of standard deviation √2·scale."""
    gain, above = gain_of(values), skew_elements(values)
    if gain is None or above is None:
        return None
    if abs(gain - law.factor) > law.factor * room_of(values):
        return None
    drawn = independent(Normal(0.0, sqrt(2) * law.scale), vector(above, values))
    likelihood = _constraints(values) - log(law.factor * room_of(values))
    return drawn and Outcome(drawn.p_value, Rank.MATRIX, likelihood)


def random_basis(law: RandomBasis, values: BlockValues) -> Outcome | None:
    """Test a normal matrix whose eigenvalues are uniform on a ring."""
    found = ring(values)
    if found is None:
        return None
    room = room_of(values)
    inner, outer = law.blocks.least**2, law.blocks.most**2
    squares, turns = np.abs(found) ** 2, np.abs(np.angle(found)) / pi
    if squares.min() < inner * (1 - room) or squares.max() > outer * (1 + room):
        return None
    upper = found.imag > room * np.abs(found)  # of each conjugate pair one
    p_values = [_uniform_p(turns[upper]) if upper.any() else 1.0]
    if outer > inner * (1 + 4 * room):
        alone = squares[found.imag >= 0]
        p_values.append(_uniform_p((alone - inner) / (outer - inner)))
    return Outcome(combined(p_values), Rank.MATRIX)


def _constraints(values: BlockValues) -> float:
    """Return what orthogonality is worth in log likelihood: a constraint for each pair of rows."""
    short = min(values.rows, values.cols)
    return short * (short + 1) / 2


def room_of(values: BlockValues) -> float:
    """Return the largest relative error of a product of rows, in any library's arithmetic."""
    return max(10 * values.rounding, 1e-5 * sqrt(max(values.rows, values.cols) / 16))


@once
def gain_of(values: BlockValues) -> float | None:
    """Return the gain of a block with orthogonal rows, or columns if it is tall; None if they are
    not orthogonal, or too few to tell.
    """
    if min(values.rows, values.cols) < 2:
        return None
    whole = values.whole
    square = values.square(0.0) * values.elements / min(values.rows, values.cols)
    if whole is None:
        return _gain_by_probes(values, square)
    tall = whole if values.rows >= values.cols else whole.T
    gram = tall.T @ tall
    square = float(np.trace(gram)) / len(gram)
    gram[np.diag_indices(len(gram))] -= square
    return sqrt(square) if square and np.abs(gram).max() <= square * room_of(values) else None


def _gain_by_probes(values: BlockValues, square: float) -> float | None:
    """Test that WᵀW is a multiple of the identity, or W's rows for a wide block, with vectors."""
    if values.rows < values.cols:
        rows = values.read(0, PROBES)
        gram = rows @ rows.T
    else:
        probes = np.empty(PROBES * values.cols, np.float32)
        Normal(0.0, 1.0).fill(probes, 0, key(0, 0))
        vectors = np.linalg.qr(probes.reshape(values.cols, PROBES).astype(np.float64))[0]
        turned = np.zeros_like(vectors)
        for _, panel in values.panels():
            turned += panel.T @ (panel @ vectors)
        gram = vectors.T @ turned
        square = float(np.trace(gram)) / PROBES
        if np.abs(turned - square * vectors).max() > square * room_of(values):
            return None
    square = float(np.trace(gram)) / PROBES
    gram[np.diag_indices(PROBES)] -= square
    return sqrt(square) if np.abs(gram).max() <= square * room_of(values) else None


@once
def singular_values(values: BlockValues) -> Floats | None:
    """Return the singular values of a block that can be decomposed."""
    if min(values.rows, values.cols) > SPECTRAL_SIDE or values.whole is None:
        return None
    return linalg.svdvals(values.whole)  # type: ignore[no-any-return]


@once
def eigenvalues(values: BlockValues) -> Any:
    """Return the eigenvalues of a square block that can be decomposed; None for others."""
    return None if values.matrix is None else linalg.eigvals(values.matrix)


@once
def ring(values: BlockValues) -> Any:
    """Return the eigenvalues of a normal matrix; None for others."""
    matrix = values.matrix
    if matrix is None or len(matrix) < 2:
        return None
    lengths = float(np.square(matrix).sum()) / len(matrix)
    apart = np.abs(matrix @ matrix.T - matrix.T @ matrix).max()
    return eigenvalues(values) if apart <= 2 * lengths * room_of(values) else None


@once
def skew_elements(values: BlockValues) -> Floats | None:
    """Return the elements above the diagonal of the skew matrix whose exponential, times a factor,
    a block is; None if its angles reach half a turn, or it is none.
    """
    gain, found = gain_of(values), eigenvalues(values)
    if gain is None or found is None or values.rows < 3:
        return None
    if np.abs(np.angle(found)).max() > 0.95 * pi:
        return None
    matrix = values.matrix
    assert matrix is not None  # noqa: S101 - it has eigenvalues
    basis = linalg.logm(matrix / gain).real
    skew = (basis - basis.T) / 2
    squares = np.einsum("ij,ij->i", skew, skew)
    if products_p(skew, squares) < 1e-9:
        return None
    return np.asarray(skew[np.triu_indices(len(skew), 1)], np.float64)


def _radius_room(values: BlockValues) -> float:
    return max(RADIUS_ERROR, 4 * values.rounding)


def _ring(law: SpectralRadius, values: BlockValues) -> Outcome | None:
    """Compare with the matrix in which each unit is driven by its predecessor."""
    expected = np.roll(np.eye(law.size), 1, axis=0) * law.radius
    matrix = values.matrix
    is_equal = matrix is not None and (np.abs(matrix - expected) <= values.slack(expected)).all()
    return Outcome(1.0, Rank.PATTERN) if is_equal else None


def _has_positive_determinant(values: BlockValues) -> bool:
    return values.matrix is None or float(np.linalg.slogdet(values.matrix)[0]) > 0


def _haar_p(values: BlockValues, gain: float) -> float:
    """Return the p-value of the elements of a Haar matrix: coordinates of a uniform point on a
    sphere.
    """
    side = max(values.rows, values.cols)
    shape = (side - 1) / 2
    shares = np.clip((values.ordered / gain + 1) / 2, 0, 1)
    return float(stats.kstest(special.betainc(shape, shape, shares), "uniform").pvalue)


def _uniform_p(shares: Any) -> float:
    return float(stats.kstest(np.clip(shares, 0, 1), "uniform").pvalue)
