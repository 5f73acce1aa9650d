"""The statistics of a tensor in one pass, bit-identical on every machine and number of threads.

Values are tallied in tiles: the sums of a tile use eight lanes in a fixed order, and tiles are
combined by exact summation.  Values are counted by cell (`histogram_bins.py`), so histograms and
quantiles need no second pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, fsum, isfinite, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stepzero_rnn.engine.histogram_bins import (
    BEYOND,
    GRID,
    count_cells,
    fill_histogram,
    find_cells,
    find_quantiles,
)
from stepzero_rnn.engine.words.kernels import kernel
from stepzero_rnn.summary import HISTOGRAM_BINS, QUANTILES, Figures, Histogram
from stepzero_rnn.thresholds import SORTED_VALUES

f64, i32, i64 = np.float64, np.int32, np.int64
# By dtype of the values: the integer type of their bits, the bits of infinity, the largest integer.
_WORDS: Mapping[str, tuple[Any, Any, Any]] = {
    "<f4": (i32, i32(0x7F800000), i32(0x7FFFFFFF)),
    "<f8": (i64, i64(0x7FF << 52), i64((1 << 63) - 1)),
}


@dataclass(slots=True)
class Tally:
    """The measurements of some tiles of one block."""

    moments: list[tuple[float, float]]
    extremes: tuple[float, float]
    zeros: int
    nonfinite: int
    cells: NDArray[np.int64]
    counts: NDArray[np.int64]


class Counter:
    """Tallies the tiles of a gate with `elements` elements, in order."""

    def __init__(self, elements: int) -> None:
        self._moments: list[tuple[float, float]] = []
        self._least, self._most, self._zeros, self._nonfinite = float("inf"), float("-inf"), 0, 0
        self._grid = np.zeros(GRID, i64) if elements > SORTED_VALUES else None
        self._cells: list[NDArray[np.int64]] = []

    def add(self, values: NDArray[np.float32] | NDArray[np.float64]) -> None:
        """Tally one tile (float32 or float64, one dimension)."""
        self._moments.append(sums(values))
        bits, infinity, largest = _WORDS[values.dtype.str]
        least, most, zeros, nonfinite = extremes(values.view(bits), infinity, largest)
        low, high = _values(np.array([least, most], bits), largest).view(values.dtype)
        self._least, self._most = (
            min(self._least, float(low) + 0.0),
            max(self._most, float(high) + 0.0),
        )
        self._zeros += zeros
        self._nonfinite += nonfinite
        if self._grid is not None:
            count_cells(values, self._grid)
        else:
            cells = np.empty(len(values), i64)
            find_cells(values, cells)
            self._cells.append(cells)

    def tally(self) -> Tally:
        """Return the measurements of all tiles."""
        if self._grid is not None:
            cells = np.flatnonzero(self._grid)
            counts = self._grid[cells]
        else:
            cells, counts = np.unique(np.concatenate(self._cells), return_counts=True)
        extremes = (self._least, self._most)
        return Tally(self._moments, extremes, self._zeros, self._nonfinite, cells, counts)


def join(tallies: Sequence[Tally]) -> Tally:
    """Return the combined tally of several pieces."""
    if len(tallies) == 1:
        return tallies[0]
    cells, inverse = np.unique(np.concatenate([t.cells for t in tallies]), return_inverse=True)
    counts = np.zeros(len(cells), i64)
    np.add.at(counts, inverse, np.concatenate([t.counts for t in tallies]))
    return Tally(
        [moment for t in tallies for moment in t.moments],
        (min(t.extremes[0] for t in tallies), max(t.extremes[1] for t in tallies)),
        sum(t.zeros for t in tallies),
        sum(t.nonfinite for t in tallies),
        cells,
        counts,
    )


def figures(tally: Tally, *, expected_std: float | None) -> Figures:
    """Compute the published figures from a tally."""
    elements = int(tally.counts.sum())
    least, most = tally.extremes
    finite = tally.nonfinite == 0
    total = _sum([total for total, _ in tally.moments])
    square = _sum([squares for _, squares in tally.moments])
    mean, std = None if total is None else total / elements, None
    if mean is not None and square is not None:
        std = 0.0 if least == most else sqrt(max(square / elements - mean * mean, 0.0))
    fits = finite and max(-least, most) < BEYOND
    quantiles, histogram = _shape(tally, elements) if fits else ({}, Histogram([], []))
    return Figures(
        elements=elements,
        mean=mean,
        std=std,
        expected_std=expected_std,
        min=least if finite else None,
        max=most if finite else None,
        norm=None if square is None else sqrt(square),
        fraction_zero=tally.zeros / elements,
        nonfinite=tally.nonfinite,
        quantiles=quantiles,
        histogram=histogram,
    )


def _sum(values: Sequence[float]) -> float | None:
    """Return the exact sum, rounded once; None if it is not finite."""
    try:
        total = fsum(values)
    except (OverflowError, ValueError):  # too large, or infinite with both signs
        return None
    return total if isfinite(total) else None


def _values(keys: NDArray[Any], largest: np.signedinteger[Any]) -> NDArray[Any]:
    """Convert the keys of `extremes` back to bits."""
    return np.where(keys >= 0, keys, ~keys | ~largest)


def _shape(tally: Tally, elements: int) -> tuple[dict[str, float], Histogram]:
    """Return quantiles, and a histogram of about equally wide bins from minimum to maximum."""
    ranks = np.array([ceil(p * elements) for p in QUANTILES])
    middles = np.empty(len(ranks))
    edges, counts = np.empty(HISTOGRAM_BINS + 1), np.zeros(HISTOGRAM_BINS, i64)
    find_quantiles(tally.cells, tally.counts, ranks, middles)
    bins = fill_histogram(tally.cells, tally.counts, edges, counts)
    held = np.clip(middles, *tally.extremes).tolist()
    quantiles = dict(zip(map(str, QUANTILES), held, strict=True))
    return quantiles, Histogram(edges[: bins + 1].tolist(), counts[:bins].tolist())


class Spread(NamedTuple):
    """Basic statistics of some numbers; mean and standard deviation are None if not finite."""

    mean: float | None
    std: float | None
    zeros: int
    nonfinite: int


def spread_of(values: NDArray[np.float32] | NDArray[np.float64]) -> Spread:
    """Measure numbers as one tile (float32 or float64, one-dimensional)."""
    bits, infinity, largest = _WORDS[values.dtype.str]
    _, _, zeros, nonfinite = extremes(values.view(bits), infinity, largest)
    total, squares = sums(values)
    mean, square = total / len(values), squares / len(values)
    std = sqrt(max(square - mean * mean, 0.0)) if isfinite(square) else None
    return Spread(mean if isfinite(mean) else None, std, zeros, nonfinite)


@kernel
def sums(values):
    """Return a tile's sum and sum of squares: eight lanes, combined in pairs, then the remaining
    elements in order.
    """
    n = values.shape[0]
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = 0.0
    q0 = q1 = q2 = q3 = q4 = q5 = q6 = q7 = 0.0
    for i in range(0, n - n % 8, 8):
        v0, v1, v2, v3 = f64(values[i]), f64(values[i + 1]), f64(values[i + 2]), f64(values[i + 3])
        v4, v5, v6, v7 = (
            f64(values[i + 4]),
            f64(values[i + 5]),
            f64(values[i + 6]),
            f64(values[i + 7]),
        )
        s0 += v0
        s1 += v1
        s2 += v2
        s3 += v3
        s4 += v4
        s5 += v5
        s6 += v6
        s7 += v7
        q0 += v0 * v0
        q1 += v1 * v1
        q2 += v2 * v2
        q3 += v3 * v3
        q4 += v4 * v4
        q5 += v5 * v5
        q6 += v6 * v6
        q7 += v7 * v7
    total = ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))
    squares = ((q0 + q1) + (q2 + q3)) + ((q4 + q5) + (q6 + q7))
    for i in range(n - n % 8, n):
        v = f64(values[i])
        total += v
        squares += v * v
    return total, squares


@kernel
def extremes(bits, infinity, largest):
    """Return a tile's minimum and maximum key, and the number of zeros and of non-finite values.

    `bits` are those of the values as signed integers, `infinity` those of infinity, `largest` the
    largest integer.  Keys are integers in the order of the values: floating-point minima do not
    vectorize.
    """
    least, most = largest, ~largest
    zeros, nonfinite = 0, 0
    for i in range(bits.shape[0]):
        magnitude = bits[i] & largest
        ordered = bits[i] if bits[i] >= 0 else ~magnitude
        least = min(least, ordered)
        most = max(most, ordered)
        zeros += magnitude == 0
        nonfinite += magnitude >= infinity
    return least, most, zeros, nonfinite
