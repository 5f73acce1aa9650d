"""Philox4x32-10: random words that are a function of their place, so none depends on those before it.

Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.  The key is the seed;
the counter is (group index: two words, stream: two words); element i is word i mod 4 of group i div 4.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from app.engine.kernels import inline, kernel

u32, u64 = np.uint32, np.uint64

MULTIPLIER_0, MULTIPLIER_1 = u64(0xD2511F53), u64(0xCD9E8D57)
WEYL_0, WEYL_1 = u32(0x9E3779B9), u32(0xBB67AE85)
WORD = 0xFFFFFFFF


class Key(NamedTuple):
    """A stream of one seed, as the four words that Philox takes beside the index."""

    stream_low: np.uint32
    stream_high: np.uint32
    seed_low: np.uint32
    seed_high: np.uint32


def key(seed: int, stream: int) -> Key:
    """Give the words of a stream (64 bits) under a seed (below 2⁵³)."""
    return Key(u32(stream & WORD), u32(stream >> 32), u32(seed & WORD), u32(seed >> 32))


@inline
def philox(c0, c1, c2, c3, k0, k1):
    """Turn a counter and a key into four random words."""
    for _ in range(10):
        p0, p1 = u64(c0) * MULTIPLIER_0, u64(c2) * MULTIPLIER_1
        c0, c1, c2, c3 = (
            u32(u32(p1 >> u64(32)) ^ c1 ^ k0),
            u32(p1),
            u32(u32(p0 >> u64(32)) ^ c3 ^ k1),
            u32(p0),
        )
        k0, k1 = u32(k0 + WEYL_0), u32(k1 + WEYL_1)
    return c0, c1, c2, c3


@kernel
def fill_words(out, group, s0, s1, k0, k1):
    """Write the words of elements 4·group, 4·group + 1, … into `out` (uint32, any length)."""
    n = out.shape[0]
    for i in range(n // 4):
        g = group + i
        a, b, c, d = philox(u32(g), u32(g >> 32), s0, s1, k0, k1)
        out[4 * i] = a
        out[4 * i + 1] = b
        out[4 * i + 2] = c
        out[4 * i + 3] = d
    if n % 4:
        g = group + n // 4
        last = philox(u32(g), u32(g >> 32), s0, s1, k0, k1)
        for j in range(n % 4):
            out[n - n % 4 + j] = last[j]
