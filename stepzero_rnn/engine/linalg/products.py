"""Matrix products in float64, exact to the last bit on every machine.

A matrix is stored in tiles of eight columns: element (r, c) is `tiles[c // 8, r, c % 8]`; rows and
columns are padded to multiples of eight with zeros, which change no sum that begins at 0.  Every
sum runs over ascending rows, and each product and partial sum is rounded once, so neither the
number of threads nor the division into panels changes a bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stepzero_rnn.dtypes import DType
from stepzero_rnn.engine.elements.distributions import Normal
from stepzero_rnn.engine.linalg.simd_blocks import add_products, eight_zeros, store_eight
from stepzero_rnn.engine.linalg.tasks import Run, row_ranges
from stepzero_rnn.engine.words.kernels import kernel
from stepzero_rnn.engine.words.philox import Key
from stepzero_rnn.engine.words.rounding import store as round_into
from stepzero_rnn.engine.words.simd import load, store, zero

TILE = 8
PANEL = 8  # tiles that one task multiplies, which stay in a core's cache
PANEL_WORK = 1 << 22  # multiplications that are worth a task

Tiles = NDArray[np.float64]


def zeros(rows: int, cols: int) -> Tiles:
    """Return a zero matrix in tiles."""
    return np.zeros((-(-cols // TILE), -(-rows // TILE) * TILE, TILE))


def gaussians(rows: int, cols: int, key: Key, run: Run, first: int = 0) -> Tiles:
    """Return standard normals: element (r, c) is number first + r·cols + c of the stream."""
    tiles = zeros(rows, cols)

    def draw(begin: int, end: int) -> None:
        numbers = np.empty((end - begin) * cols, np.float32)
        Normal(0.0, 1.0).fill(numbers, first + begin * cols, key)
        _put_rows(tiles, numbers, cols, begin)

    run(partial(draw, begin, end) for begin, end in row_ranges(rows, cols))
    return tiles


def tiled(rows: NDArray[np.float32]) -> Tiles:
    """Convert a matrix to tiles."""
    tiles = zeros(*rows.shape)
    _put_rows(tiles, rows.reshape(-1), rows.shape[1], 0)
    return tiles


def product(left: Tiles, right: Tiles, run: Run, out: Tiles | None = None) -> Tiles:
    """Return leftᵀ·right, written to `out` if given."""
    if out is None:
        out = np.empty((len(right), len(left) * TILE, TILE))
    run(_panels(partial(multiply, out, left, right), len(right), left.size))
    return out


def gram(matrix: Tiles, run: Run, out: Tiles | None = None) -> Tiles:
    """Return matrixᵀ·matrix, written to `out` if given.

    Half of it is computed and mirrored, as the sums of both halves have the same terms.
    """
    if out is None:
        out = np.empty((len(matrix), len(matrix) * TILE, TILE))

    def multiply_above(first: int, end: int) -> None:
        multiply(out, matrix[:end], matrix, first, end)

    run(_panels(multiply_above, len(matrix), matrix.size))
    run(_panels(partial(_mirror, out), len(matrix), matrix.shape[1]))
    return out


def transposed(matrix: Tiles, run: Run, out: Tiles | None = None) -> Tiles:
    """Return the transpose, written to `out` if given."""
    if out is None:
        out = np.empty((matrix.shape[1] // TILE, len(matrix) * TILE, TILE))
    run(_panels(partial(_transpose, out, matrix), len(out), matrix.shape[1]))
    return out


def norm(matrix: Tiles, run: Run) -> float:
    """Return the Frobenius norm: squares summed down each column, then the sums of the columns."""
    sums, squares = np.empty((2, len(matrix), TILE))
    run(_panels(partial(add_columns, sums, squares, matrix), len(matrix), matrix.shape[1]))
    return sqrt(total(squares))


def total(numbers: NDArray[np.float64]) -> float:
    """Return the sum, with the numbers added in order."""
    result = 0.0
    for number in numbers.ravel().tolist():
        result += number
    return result


def add_identity(matrix: Tiles, size: int) -> None:
    """Add 1 to each of the `size` elements of the diagonal."""
    places = np.arange(size)
    matrix[places // TILE, places, places % TILE] += 1.0


def put(matrix: Tiles, out: NDArray[Any], dtype: DType, run: Run) -> None:
    """Round a matrix, without its padding, to a checkpoint's dtype in `out`."""
    rows, cols = out.shape

    def put_panel(first: int, end: int) -> None:
        panel = matrix[first:end].transpose(1, 0, 2)[:rows].reshape(rows, -1)
        columns = slice(first * TILE, min(end * TILE, cols))
        round_into(panel[:, : columns.stop - columns.start], out[:, columns], dtype)

    run(_panels(put_panel, len(matrix), rows))


def _panels(
    task: Callable[[int, int], None], tiles: int, work: int
) -> Iterator[Callable[[], None]]:
    """Divide tiles, of `work` rows each, into few tasks."""
    step = PANEL * max(1, PANEL_WORK // (PANEL * TILE * work))
    return (partial(task, first, min(first + step, tiles)) for first in range(0, tiles, step))


@kernel
def _put_rows(tiles, numbers, cols, first):
    """Copy consecutive rows of numbers into tiles, from row `first`."""
    for i in range(numbers.shape[0] // cols):
        for c in range(cols):
            tiles[c // 8, first + i, c % 8] = np.float64(numbers[i * cols + c])


@kernel
def multiply(out, left, right, first, end):
    """Overwrite tiles first … end of leftᵀ·right, two at a time: sixteen independent sums hide the
    latency of the additions.
    """
    rows = left.shape[1]
    for i in range(left.shape[0]):
        columns = left[i]
        for j in range(first, end - 1, 2):
            one, other = right[j], right[j + 1]
            sums, others = eight_zeros(), eight_zeros()
            for k in range(rows):
                sums = add_products(sums, columns, 8 * k, load(one, 8 * k))
                others = add_products(others, columns, 8 * k, load(other, 8 * k))
            store_eight(out[j, 8 * i : 8 * i + 8], sums)
            store_eight(out[j + 1, 8 * i : 8 * i + 8], others)
        if (end - first) % 2:
            one, sums = right[end - 1], eight_zeros()
            for k in range(rows):
                sums = add_products(sums, columns, 8 * k, load(one, 8 * k))
            store_eight(out[end - 1, 8 * i : 8 * i + 8], sums)


@kernel
def _transpose(out, matrix, first, end):
    """Overwrite tiles first … end of the transpose."""
    for j in range(first, end):
        for i in range(matrix.shape[0]):
            for r in range(8):
                for c in range(8):
                    out[j, 8 * i + c, r] = matrix[i, 8 * j + r, c]


@kernel
def _mirror(matrix, first, end):
    """Overwrite the elements of tiles first … end below the diagonal by those above it."""
    for j in range(first, end):
        for i in range(j + 1, matrix.shape[0]):
            for r in range(8):
                for c in range(8):
                    matrix[j, 8 * i + c, r] = matrix[i, 8 * j + r, c]


@kernel
def add_columns(sums, squares, matrix, first, end):
    """Write the sums, and the sums of squares, of the columns of tiles first … end."""
    for j in range(first, end):
        tile, plain, squared = matrix[j], zero(), zero()
        for r in range(matrix.shape[1]):
            x = load(tile, 8 * r)
            plain, squared = plain + x, squared + x * x
        store(sums[j], 0, plain)
        store(squares[j], 0, squared)
