"""Eight vectors of eight float64 numbers: an (8, 8) block of a matrix in a core's registers."""

from __future__ import annotations

from stepzero_rnn.engine.words.kernels import inline
from stepzero_rnn.engine.words.simd import load, splat, store, zero


@inline
def add_products(sums, columns, at, p):
    """Add the products of p and the eight numbers from `at` to eight sums."""
    s0, s1, s2, s3, s4, s5, s6, s7 = sums
    return (
        s0 + splat(columns, at) * p,
        s1 + splat(columns, at + 1) * p,
        s2 + splat(columns, at + 2) * p,
        s3 + splat(columns, at + 3) * p,
        s4 + splat(columns, at + 4) * p,
        s5 + splat(columns, at + 5) * p,
        s6 + splat(columns, at + 6) * p,
        s7 + splat(columns, at + 7) * p,
    )


@inline
def eight_zeros():
    return (zero(), zero(), zero(), zero(), zero(), zero(), zero(), zero())


@inline
def load_eight(rows):
    """Return the rows of an (8, 8) array."""
    return (
        load(rows, 0),
        load(rows, 8),
        load(rows, 16),
        load(rows, 24),
        load(rows, 32),
        load(rows, 40),
        load(rows, 48),
        load(rows, 56),
    )


@inline
def store_eight(rows, values):
    """Overwrite the rows of an (8, 8) array."""
    v0, v1, v2, v3, v4, v5, v6, v7 = values
    store(rows, 0, v0)
    store(rows, 8, v1)
    store(rows, 16, v2)
    store(rows, 24, v3)
    store(rows, 32, v4)
    store(rows, 40, v5)
    store(rows, 48, v6)
    store(rows, 56, v7)
