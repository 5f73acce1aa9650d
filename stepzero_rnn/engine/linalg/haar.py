"""Uniformly (Haar) random orthogonal matrices, exact to the last bit on every machine.

A product of Householder reflectors of Gaussian vectors is uniform on O(n), with no factorization
(Stewart, "The efficient generation of random orthogonal matrices", SIAM J. Numer. Anal. 17, 1980).
Eight reflectors are applied at a time in the compact WY form (Schreiber & Van Loan 1989) to panels
of columns; panels are independent of each other, so the number of threads changes no bit.  All in
float64, every sum in a fixed order, without BLAS or LAPACK.

The tall matrix Q (n, m), n ≥ m, is H₀H₁…H₍m−1₎ times the first m columns of the identity times
signs, where Hₖ reflects the column k, from row k down, of a Gaussian matrix G (n, m) whose element
(r, c) is normal number r·m + c.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stepzero_rnn.engine.linalg.simd_blocks import (
    add_products,
    eight_zeros,
    load_eight,
    store_eight,
)
from stepzero_rnn.engine.words.kernels import inline, kernel
from stepzero_rnn.engine.words.simd import load, splat, store, zero

BLOCK = 8  # reflectors applied together, and columns of a tile
PANEL = 32  # columns that one task transforms at a time, which stay in a core's cache

Float64s = NDArray[np.float64]


class Reflectors(NamedTuple):
    """Householder vectors (block, row, 8), their block factors, scales and signs; padded with zeros
    to whole blocks.
    """

    vectors: Float64s
    factors: Float64s
    scales: Float64s
    signs: Float64s


def empty_reflectors(n: int, m: int) -> Reflectors:
    """Allocate the reflectors of a tall (n, m) matrix."""
    blocks = -(-m // BLOCK)
    rows = -(-n // BLOCK) * BLOCK
    return Reflectors(
        np.zeros((blocks, rows, BLOCK)),
        np.zeros((blocks, BLOCK, BLOCK)),
        np.zeros(blocks * BLOCK),
        np.ones(blocks * BLOCK),
    )


@kernel
def put_gaussians(vectors, rows, m, first):
    """Copy whole rows of G (float32, row by row, from row `first`), on and below the diagonal."""
    for i in range(rows.shape[0] // m):
        r = first + i
        for c in range(min(m, r + 1)):
            vectors[c // 8, r, c % 8] = np.float64(rows[i * m + c])


@kernel
def make_reflectors(vectors, factors, scales, signs, m, first_block, end_block):
    """Turn the Gaussian columns of some blocks into reflectors and their block factors."""
    n = vectors.shape[1]
    norms, divisors = np.empty(8), np.empty(8)
    products = np.empty((8, 8))
    for b in range(first_block, end_block):
        c0, columns = b * 8, vectors[b]
        squares = zero()
        for r in range(c0, n):
            v = load(columns, 8 * r)
            squares = squares + v * v
        store(norms, 0, squares)
        for j in range(8):
            norm, d = np.sqrt(norms[j]), columns[c0 + j, j]
            sign = 1.0 if d >= 0.0 else -1.0
            beta = -sign * norm
            signs[c0 + j] = sign
            scales[c0 + j] = (beta - d) / beta if norm > 0.0 else 0.0
            divisors[j] = d - beta if norm > 0.0 else 1.0
        width = min(8, m - c0)
        divisor = load(divisors, 0)
        for r in range(c0, n):
            store(columns, 8 * r, load(columns, 8 * r) / divisor)
        for j in range(width):
            columns[c0 + j, j] = 1.0
        join_reflectors(columns, c0, products)
        for j in range(width):
            factors[b, j, j] = scales[c0 + j]
            for i in range(j):
                total = 0.0
                for k in range(i, j):
                    total += factors[b, i, k] * products[j, k]
                factors[b, i, j] = -scales[c0 + j] * total


@inline
def join_reflectors(columns, c0, products):
    """Write the inner products of the columns of a block, summed from the block's first row."""
    sums = eight_zeros()
    for r in range(c0, columns.shape[0]):
        sums = add_products(sums, columns, 8 * r, load(columns, 8 * r))
    store_eight(products, sums)


@kernel
def apply_reflectors(tiles, vectors, factors, first):
    """Overwrite `tiles` (tile, row, 8) with eight columns of Q each, from column 8·first, without
    the signs.

    A tile holds all rows.  The blocks are applied to it from the one that starts at its own columns
    down to the first; one pass over the rows subtracts the update of one block and accumulates the
    products for the next.
    """
    count = len(tiles)
    steps, products = np.empty((count, 8, 8)), np.empty((8, 8))
    tiles[:] = 0.0
    for b in range(first + count - 1, -1, -1):
        for t in range(max(b - first, 0), count):
            tile, step = tiles[t], steps[t]
            if b == first + t:
                for j in range(8):
                    tile[8 * b + j, j] = 1.0
                sums = multiply(tile, vectors[b], b)
            else:
                sums = subtract_and_multiply(tile, vectors[b + 1], load_eight(step), vectors[b], b)
            store_eight(products, sums)
            for i in range(8):
                total = zero()
                for k in range(i, 8):
                    total = total + splat(factors[b], 8 * i + k) * load(products, 8 * k)
                store(step, 8 * i, total)
    for t in range(count):
        subtract(tiles[t], vectors[0], load_eight(steps[t]))


@inline
def multiply(tile, columns, b):
    """Return the products of block b with its own tile, which is the identity in those rows."""
    sums = eight_zeros()
    for r in range(8 * b, 8 * b + 8):
        sums = add_products(sums, columns, 8 * r, load(tile, 8 * r))
    return sums


@inline
def subtract_and_multiply(tile, before, step, columns, b):
    """Subtract the update of block b + 1 (`before`), and return the products with block b; the tile
    is zero above it.
    """
    sums = eight_zeros()
    for r in range(8 * (b + 1), tile.shape[0]):
        p = load(tile, 8 * r) - combined(before, 8 * r, step)
        store(tile, 8 * r, p)
        sums = add_products(sums, columns, 8 * r, p)
    return sums


@inline
def subtract(tile, columns, step):
    """Subtract the update of the first block."""
    for r in range(tile.shape[0]):
        store(tile, 8 * r, load(tile, 8 * r) - combined(columns, 8 * r, step))


@inline
def combined(columns, at, step):
    """Return one row of a block times its step, added in pairs."""
    y0, y1, y2, y3, y4, y5, y6, y7 = step
    low = (splat(columns, at) * y0 + splat(columns, at + 1) * y1) + (
        splat(columns, at + 2) * y2 + splat(columns, at + 3) * y3
    )
    high = (splat(columns, at + 4) * y4 + splat(columns, at + 5) * y5) + (
        splat(columns, at + 6) * y6 + splat(columns, at + 7) * y7
    )
    return low + high


def determinant(reflectors: Reflectors) -> float:
    """Return the determinant of a square Q: the product of the signs, and of −1 for each reflector
    that is not the identity.
    """
    reflected = np.count_nonzero(reflectors.scales) + np.count_nonzero(reflectors.signs < 0)
    return -1.0 if reflected % 2 else 1.0


def columns(reflectors: Reflectors, n: int, c0: int, c1: int, gain: float) -> NDArray[Any]:
    """Return columns c0 … c1 (c0 a multiple of 8) of gain·Q, of n rows, as (n, c1 − c0) float64."""
    vectors, factors, _, signs = reflectors
    tiles = np.empty((-(-(c1 - c0) // BLOCK), vectors.shape[1], BLOCK))
    apply_reflectors(tiles, vectors, factors, c0 // BLOCK)
    panel = tiles.transpose(1, 0, 2)[:n].reshape(n, -1)[:, : c1 - c0]
    panel *= gain * signs[c0:c1]
    return panel
