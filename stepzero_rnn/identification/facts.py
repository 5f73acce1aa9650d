"""What is measured in a block to estimate the parameters of laws: a few numbers each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import pi, sqrt

import numpy as np

from stepzero_rnn.engine.elements.distributions import Normal
from stepzero_rnn.identification import patterns, spectral
from stepzero_rnn.identification.elementwise import independent
from stepzero_rnn.identification.values import BlockValues, Floats


@dataclass(frozen=True)
class Moments:
    """The number, mean, variance (about the mean) and extremes of elements."""

    count: int
    mean: float
    variance: float
    low: float
    high: float

    @property
    def is_constant(self) -> bool:
        return self.low == self.high

    @property
    def reach(self) -> float:
        """The largest absolute value."""
        return max(-self.low, self.high)


def moments(values: Floats) -> Moments:
    """Return the moments of at least one value."""
    return Moments(
        len(values),
        float(values.mean()),
        float(values.var()),
        float(values.min()),
        float(values.max()),
    )


def pooled(parts: Sequence[Moments]) -> Moments:
    """Return the moments of the elements of all parts."""
    counts = np.array([part.count for part in parts], float)
    means = np.array([part.mean for part in parts])
    variances = np.array([part.variance for part in parts])
    mean = float(counts @ means / counts.sum())
    variance = float(counts @ (variances + (means - mean) ** 2) / counts.sum())
    low, high = min(part.low for part in parts), max(part.high for part in parts)
    return Moments(int(counts.sum()), mean, variance, low, high)


@dataclass(frozen=True)
class Structure:
    """The structure of a block; None where it has none of a kind.

    `zeros` are the zeros per row and per column, `nonzero` the moments of the other elements,
    `gain` that of an orthogonal block, `radius` the largest absolute eigenvalue, `margin` the
    largest distance of a singular value from 1, `ring` the radii of a normal matrix's eigenvalues,
    `angles` in radians and `radii` those of rotations along the diagonal, `skew` the standard
    deviation of the elements of its logarithm, `count` the blocks that were measured.
    """

    corner: tuple[float, float, float, float]
    zeros: tuple[int | None, int | None] = (None, None)
    nonzero: Moments | None = None
    gain: float | None = None
    radius: float | None = None
    margin: float | None = None
    ring: tuple[float, float] | None = None
    angles: tuple[float, float] | None = None
    radii: tuple[float, float] | None = None
    skew: float | None = None
    count: int = 1


def joined(parts: Sequence[Structure]) -> Structure:
    """Return the structure that all parts have: extremes of all, anything else of the first."""
    first = parts[0]
    nonzero = [part.nonzero for part in parts if part.nonzero]
    margins = [part.margin for part in parts if part.margin is not None]
    skew = [part.skew for part in parts if part.skew is not None]
    return replace(
        first,
        nonzero=pooled(nonzero) if len(nonzero) == len(parts) else None,
        margin=max(margins) if len(margins) == len(parts) else None,
        ring=_enclosing([part.ring for part in parts]),
        angles=_enclosing([part.angles for part in parts]),
        radii=_enclosing([part.radii for part in parts]),
        skew=float(np.sqrt(np.square(skew).mean())) if len(skew) == len(parts) else None,
        count=len(parts),
    )


def _enclosing(ends: Sequence[tuple[float, float] | None]) -> tuple[float, float] | None:
    """Return the least and the largest of all ends; None if a part has none."""
    found = [pair for pair in ends if pair]
    if len(found) < len(ends):
        return None
    return min(low for low, _ in found), max(high for _, high in found)


@dataclass(frozen=True, eq=False)
class Facts:
    """A block of a weight, or of one bias vector, and what is measured in it."""

    values: BlockValues

    @cached_property
    def moments(self) -> Moments:
        return moments(self.values.sample)

    @cached_property
    def structure(self) -> Structure:
        """Measure everything at once, while the block is in memory."""
        values = self.values
        zeros = tuple(patterns.zeros_per_unit(values, axis) for axis in ("in", "out"))
        turned = patterns.rotations(values)
        return Structure(
            corner=_corner(values),
            zeros=(zeros[0], zeros[1]),
            nonzero=_nonzero(values) if any(zeros) else None,
            gain=spectral.gain_of(values),
            radius=self._radius(),
            margin=_margin(values),
            ring=None if turned else _ring(values),
            angles=_ends(turned[0] * 2 * pi) if turned else None,
            radii=_ends(turned[1]) if turned else None,
            skew=_skew(values),
        )

    def _radius(self) -> float | None:
        """Return the spectral radius of a normal, sparse or ring matrix; others need none."""
        values = self.values
        if values.matrix is None or self.moments.is_constant or spectral.gain_of(values):
            ring = abs(_corner(values)[3]) if values.rows == values.cols else 0.0
            return ring or None
        normal = Normal(0.0, sqrt(values.square(0.0)))
        if not patterns.zeros_per_unit(values, "in") and independent(normal, values) is None:
            return None
        found = spectral.eigenvalues(values)
        return None if found is None else float(np.abs(found).max()) or None


def _corner(values: BlockValues) -> tuple[float, float, float, float]:
    """Return the elements (0, 0), (0, 1), (1, 0) and (0, last); 0 where there is none."""
    first = values.read(0, 1)[0]
    above = float(first[1]) if values.cols > 1 else 0.0
    below = float(values.read(1, 2)[0, 0]) if values.rows > 1 else 0.0
    return float(first[0]), above, below, float(first[-1])


def _nonzero(values: BlockValues) -> Moments | None:
    kept = values.whole[values.whole != 0] if values.whole is not None else np.empty(0)
    return moments(kept) if len(kept) else None


def _margin(values: BlockValues) -> float | None:
    """Return the largest distance of a singular value from 1, if the mean square is near 1."""
    mean_square = values.square(0.0) * max(values.rows, values.cols)
    if not 0.25 < mean_square < 2:
        return None
    found = spectral.singular_values(values)
    return None if found is None else float(np.abs(found - 1).max())


def _ring(values: BlockValues) -> tuple[float, float] | None:
    found = spectral.ring(values)
    return None if found is None else _ends(np.abs(found))


def _skew(values: BlockValues) -> float | None:
    above = spectral.skew_elements(values)
    return None if above is None else float(np.sqrt(np.square(above).mean())) or None


def _ends(found: Floats) -> tuple[float, float]:
    return float(found.min()), float(found.max())
