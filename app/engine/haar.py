"""Uniformly (Haar) random orthogonal matrices, exact to the last bit on every machine.

A product of Householder reflectors of Gaussian vectors is uniform on O(n), with no factorization (Stewart, "The
efficient generation of random orthogonal matrices", SIAM J. Numer. Anal. 17, 1980).  Eight reflectors are applied at
a time in the compact WY form (Schreiber & Van Loan 1989) to panels of columns; panels are independent of each
other, so the number of threads changes no bit.  All in float64, every sum in a fixed order, no BLAS or LAPACK.

The tall matrix Q (n, m), n ≥ m, is H₀H₁…H₍m−1₎ times the first m columns of the identity times signs, where Hₖ
reflects the column k, from row k down, of a Gaussian matrix G (n, m) whose element (r, c) is normal number r·m + c.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.engine.kernels import kernel

BLOCK = 8  # reflectors applied together
PANEL = 64  # columns one task carries through all reflectors

Float64s = NDArray[np.float64]


class Reflectors(NamedTuple):
    """Householder vectors (n, m rounded up to 8), their block factors, scales and signs."""

    vectors: Float64s
    factors: Float64s
    scales: Float64s
    signs: Float64s


def empty_reflectors(n: int, m: int) -> Reflectors:
    """Make room for the reflectors of a tall (n, m) matrix."""
    blocks = -(-m // BLOCK)
    return Reflectors(
        np.zeros((n, blocks * BLOCK)),
        np.zeros((blocks, BLOCK, BLOCK)),
        np.zeros(blocks * BLOCK),
        np.ones(m),
    )


@kernel
def put_gaussians(vectors, rows, m, first):
    """Copy whole rows of G (float32, row by row, from row `first`), on and below the diagonal."""
    for i in range(rows.shape[0] // m):
        r = first + i
        for c in range(min(m, r + 1)):
            vectors[r, c] = np.float64(rows[i * m + c])


@kernel
def make_reflectors(vectors, factors, scales, signs, m, first_block, end_block):
    """Turn the Gaussian columns of some blocks into reflectors and their block factors."""
    n = vectors.shape[0]
    norms = np.zeros(8)
    products = np.zeros(8)
    for b in range(first_block, end_block):
        c0 = b * 8
        width = min(8, m - c0)
        for j in range(width):
            norms[j] = 0.0
        for r in range(c0, n):
            for j in range(width):
                norms[j] += vectors[r, c0 + j] * vectors[r, c0 + j]
        for j in range(width):
            c = c0 + j
            norm, d = np.sqrt(norms[j]), vectors[c, c]
            sign = 1.0 if d >= 0.0 else -1.0
            beta = -sign * norm
            signs[c] = sign
            scales[c] = (beta - d) / beta if norm > 0.0 else 0.0
            divisor = d - beta if norm > 0.0 else 1.0
            vectors[c, c] = 1.0
            for r in range(c + 1, n):
                vectors[r, c] = vectors[r, c] / divisor
        for j in range(width):
            factors[b, j, j] = scales[c0 + j]
            for i in range(j):
                products[i] = 0.0
            for r in range(c0 + j, n):
                for i in range(j):
                    products[i] += vectors[r, c0 + i] * vectors[r, c0 + j]
            for i in range(j):
                total = 0.0
                for k in range(i, j):
                    total += factors[b, i, k] * products[k]
                factors[b, i, j] = -scales[c0 + j] * total


@kernel
def apply_reflectors(panel, vectors, factors, c0):
    """Overwrite `panel` (n, w) with columns c0 … c0 + w of Q, signs apart."""
    n, w = panel.shape
    panel[:] = 0.0
    for j in range(w):
        panel[c0 + j, j] = 1.0
    dots = np.empty((8, w))
    steps = np.empty((8, w))
    for b in range(vectors.shape[1] // 8 - 1, -1, -1):
        r0 = b * 8
        if r0 >= c0 + w:  # these columns are still zero where the block works
            continue
        dots[:] = 0.0
        for r in range(r0, n):
            v0, v1, v2, v3 = (
                vectors[r, r0],
                vectors[r, r0 + 1],
                vectors[r, r0 + 2],
                vectors[r, r0 + 3],
            )
            v4, v5, v6, v7 = (
                vectors[r, r0 + 4],
                vectors[r, r0 + 5],
                vectors[r, r0 + 6],
                vectors[r, r0 + 7],
            )
            for j in range(w):
                p = panel[r, j]
                dots[0, j] += v0 * p
                dots[1, j] += v1 * p
                dots[2, j] += v2 * p
                dots[3, j] += v3 * p
                dots[4, j] += v4 * p
                dots[5, j] += v5 * p
                dots[6, j] += v6 * p
                dots[7, j] += v7 * p
        for i in range(8):
            for j in range(w):
                steps[i, j] = 0.0
            for k in range(i, 8):
                t = factors[b, i, k]
                for j in range(w):
                    steps[i, j] += t * dots[k, j]
        for r in range(r0, n):
            v0, v1, v2, v3 = (
                vectors[r, r0],
                vectors[r, r0 + 1],
                vectors[r, r0 + 2],
                vectors[r, r0 + 3],
            )
            v4, v5, v6, v7 = (
                vectors[r, r0 + 4],
                vectors[r, r0 + 5],
                vectors[r, r0 + 6],
                vectors[r, r0 + 7],
            )
            for j in range(w):
                panel[r, j] = panel[r, j] - (
                    ((v0 * steps[0, j] + v1 * steps[1, j]) + (v2 * steps[2, j] + v3 * steps[3, j]))
                    + (
                        (v4 * steps[4, j] + v5 * steps[5, j])
                        + (v6 * steps[6, j] + v7 * steps[7, j])
                    )
                )


def columns(reflectors: Reflectors, c0: int, c1: int, gain: float) -> NDArray[Any]:
    """Give columns c0 … c1 of gain·Q as (n, c1 − c0) float64."""
    panel = np.empty((reflectors.vectors.shape[0], c1 - c0))
    apply_reflectors(panel, reflectors.vectors, reflectors.factors, c0)
    panel *= gain * reflectors.signs[c0:c1]
    return panel
