"""Counts by cell: a cell holds all numbers with the same top 16 bits (sign, exponent, 7 bits of
mantissa).

Cells are ordered like their numbers, and half open: [edge, next edge).  So histograms whose edges
are edges of cells are exact, and a quantile's cell determines it to within 2⁻⁸ of its value.
"""

from __future__ import annotations

import numpy as np

from stepzero_rnn.engine.words.kernels import bits_float32, float32_bits, inline, kernel

f32, f64, i32, i64 = np.float32, np.float64, np.int32, np.int64
GRID = 1 << 16  # cells
BEYOND = f64(2.0**128)  # the first number beyond float32, and so beyond all cells
ZERO = i64(GRID // 2)  # the cell that begins at 0


@inline
def cell(value):
    """Return the cell of a number; −0 is treated as 0."""
    bits = float32_bits(f32(value) + f32(0))
    ordered = bits if bits >= i32(0) else i32(-(bits & i32(0x7FFFFFFF)))
    return i64(ordered >> i32(16)) + ZERO


@inline
def edge(c):
    """Return the lower edge of a cell."""
    place = i32(c - ZERO)
    magnitude = f64(bits_float32(i32(abs(place) << i32(16))))
    magnitude = min(magnitude, BEYOND)  # the edge after the last cell has the bits of infinity
    return magnitude if place >= 0 else -magnitude


@kernel
def find_cells(values, cells):
    """Write the cell of each value."""
    for i in range(values.shape[0]):
        cells[i] = cell(values[i])


@kernel
def count_cells(values, grid):
    """Add each value to the count of its cell."""
    for i in range(values.shape[0]):
        grid[cell(values[i])] += 1


@kernel
def find_quantiles(cells, counts, ranks, middles):
    """Write, for each rank (ascending, from 1), the middle of the cell that holds the element of
    that rank.
    """
    reached, q = 0, 0
    for i in range(cells.shape[0]):
        reached += counts[i]
        while q < ranks.shape[0] and reached >= ranks[q]:
            middle = (edge(cells[i]) + edge(cells[i] + 1)) / 2.0
            middles[q] = 0.0 if cells[i] == ZERO else middle  # its numbers are 0, or next to it
            q += 1


@kernel
def fill_histogram(cells, counts, edges, bins):
    """Count in up to len(bins) bins of about equal width, whose edges are edges of cells; return
    their number.
    """
    most = bins.shape[0]
    bounds = np.empty(most + 1, np.int64)
    first, last = cells[0], cells[-1] + 1
    low, high = edge(first), edge(last)
    bounds[0], n = first, 0
    for k in range(1, most):
        bound = cell(f32(low + (high - low) * k / most))
        if bounds[n] < bound < last:
            n += 1
            bounds[n] = bound
    n += 1
    bounds[n] = last
    at = 0
    for i in range(cells.shape[0]):
        while cells[i] >= bounds[at + 1]:
            at += 1
        bins[at] += counts[i]
    for k in range(n + 1):
        edges[k] = edge(bounds[k])
    return n
