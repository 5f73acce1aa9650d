"""Tests of blocks whose zeros, or all of whose elements, are prescribed."""

from __future__ import annotations

from math import log, pi
from typing import Any

import numpy as np
from scipy import stats

from stepzero_rnn.engine.elements.patterns import Pattern
from stepzero_rnn.engine.elements.rotations import Rotations
from stepzero_rnn.engine.laws.sparse import Sparse
from stepzero_rnn.identification.elementwise import independent
from stepzero_rnn.identification.outcome import Outcome, Rank, combined
from stepzero_rnn.identification.values import BlockValues, Floats, once

NO_KEY: Any = (0, 0)  # patterns need no random numbers


def equal(law: Pattern, values: BlockValues) -> Outcome | None:
    """Compare every element with a pattern's."""
    expected = np.empty(0, np.float32)
    for first, panel in values.panels():
        if len(expected) != panel.size:
            expected = np.empty(panel.size, np.float32)
        law.fill(expected, first * values.cols, NO_KEY)
        wanted = expected.astype(np.float64)
        room = np.where(wanted == 0, 0.0, values.slack(wanted))
        if (np.abs(panel.reshape(-1) - wanted) > room).any():
            return None
    return Outcome(1.0, Rank.PATTERN)


def rotated(law: Rotations, values: BlockValues) -> Outcome | None:
    """Test 2 × 2 rotations along the diagonal: their places exactly, angles and radii as drawn."""
    found = rotations(values)
    if found is None:
        return None
    turns, radii = found
    width = law.high - law.low
    room = 8 * values.rounding
    around = (turns - law.low + room) % 1.0 - room
    if (around > width + room).any():
        return None
    p_values = [_uniform_p(around / width)] if width else [1.0]
    inner, outer = law.least**2, law.most**2
    squares = radii**2
    if (squares < inner * (1 - room)).any() or (squares > outer * (1 + room)).any():
        return None
    if outer > inner * (1 + 4 * room):
        p_values.append(_uniform_p((squares - inner) / (outer - inner)))
    likelihood = -len(turns) * log(max(width, 1e-9))
    return Outcome(combined(p_values), Rank.PATTERN, likelihood)


@once
def rotations(values: BlockValues) -> tuple[Floats, Floats] | None:
    """Return the angles, in turns, and all radii of 2 × 2 rotations along the diagonal; None if
    the block is something else.
    """
    matrix = values.matrix
    if matrix is None or len(matrix) < 2:
        return None
    size, pairs = len(matrix), len(matrix) // 2
    even, odd = np.arange(0, 2 * pairs, 2), np.arange(1, 2 * pairs, 2)
    cosine, sine = matrix[even, even], matrix[odd, even]
    radii = np.hypot(cosine, sine)
    room = 4 * values.rounding * radii
    is_rotation = (np.abs(matrix[odd, odd] - cosine) <= room).all()
    is_rotation &= (np.abs(matrix[even, odd] + sine) <= room).all()
    placed = np.count_nonzero(matrix[even, even]) + np.count_nonzero(matrix[odd, odd])
    placed += np.count_nonzero(sine) + np.count_nonzero(matrix[even, odd])
    last = [matrix[-1, -1]] if size % 2 else []
    if not is_rotation or np.count_nonzero(matrix) != placed + np.count_nonzero(last):
        return None
    if not sine.any():
        return None  # a diagonal matrix is no random rotation
    return np.arctan2(sine, cosine) / (2 * pi), np.concatenate([radii, np.abs(last)])


def sparse(law: Sparse, values: BlockValues) -> Outcome | None:
    """Test that every unit has its number of zeros, and that the other elements are as drawn."""
    if values.whole is None or not law.zeros > 0:
        return None if law.zeros else independent(law.drawn, values)
    if zeros_per_unit(values, law.axis) != law.zeros:
        return None
    kept = values.whole[values.whole != 0]
    if not len(kept):
        return Outcome(1.0, Rank.CONSTRAINT)
    drawn = independent(law.drawn, vector(kept, values))
    return drawn and Outcome(drawn.p_value, Rank.CONSTRAINT, drawn.log_likelihood)


def zeros_per_unit(values: BlockValues, axis: str) -> int | None:
    """Return the number of zeros in each row (axis "in") or column ("out"); None if it varies."""
    if values.whole is None:
        return None
    counts = (values.whole == 0).sum(axis=1 if axis == "in" else 0)
    return int(counts[0]) if (counts == counts[0]).all() else None


def vector(kept: Floats, values: BlockValues) -> BlockValues:
    """Return some elements of a block as a vector."""
    return BlockValues(
        values.tensor,
        values.gate,
        len(kept),
        1,
        values.dtype,
        lambda first, last: kept[first:last],
    )


def _uniform_p(shares: Floats) -> float:
    clipped = np.clip(shares, 0, 1)
    return float(stats.kstest(clipped, "uniform").pvalue)
