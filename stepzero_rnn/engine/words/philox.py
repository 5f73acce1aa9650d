"""Philox4x32-10: random words that are a function of their index, independent of preceding words.

Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.  The key
is the seed; the counter is (group index: two words, stream: two words); element i is word i mod 4
of group i div 4.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stepzero_rnn.engine.words.kernels import inline, kernel

u32, u64 = np.uint32, np.uint64

MULTIPLIER_0, MULTIPLIER_1 = u64(0xD2511F53), u64(0xCD9E8D57)
WEYL_0, WEYL_1 = u64(0x9E3779B9), u64(0xBB67AE85)
WORD = 0xFFFFFFFF
LOW, HALF = u64(WORD), u64(32)


class Key(NamedTuple):
    """A stream of one seed: the four words that Philox takes in addition to the index."""

    stream_low: np.uint32
    stream_high: np.uint32
    seed_low: np.uint32
    seed_high: np.uint32

    @property
    def seed(self) -> int:
        return int(self.seed_low) | int(self.seed_high) << 32


def key(seed: int, stream: int) -> Key:
    """Return the words of a stream (64 bits) under a seed (below 2⁵³)."""
    return Key(u32(stream & WORD), u32(stream >> 32), u32(seed & WORD), u32(seed >> 32))


@inline
def philox(c0, c1, c2, c3, k0, k1):
    """Return four random words for a counter and a key; only the low halves are significant.

    Processors multiply 32-bit numbers in 64-bit lanes directly; clearing the upper halves where
    they are harmless would cost as much as the multiplication.
    """
    for _ in range(10):
        p0, p1 = (c0 & LOW) * MULTIPLIER_0, (c2 & LOW) * MULTIPLIER_1
        c0, c1, c2, c3 = (p1 >> HALF) ^ c1 ^ k0, p1, (p0 >> HALF) ^ c3 ^ k1, p0
        k0, k1 = k0 + WEYL_0, k1 + WEYL_1
    return c0, c1, c2, c3


@kernel
def fill_words(out, group, s0, s1, k0, k1):
    """Write the words of elements 4·group, 4·group + 1, … into `out` (uint32, any length)."""
    n, g = out.shape[0], u64(group)
    s0, s1, k0, k1 = u64(s0), u64(s1), u64(k0), u64(k1)
    pairs = out[: n - n % 4].view(np.uint64)  # little-endian: the first word is the low half
    for i in range(n // 4):
        a, b, c, d = philox(g + u64(i), (g + u64(i)) >> HALF, s0, s1, k0, k1)
        pairs[2 * i] = (a & LOW) | (b << HALF)
        pairs[2 * i + 1] = (c & LOW) | (d << HALF)
    if n % 4:
        g += u64(n // 4)
        last = philox(g, g >> HALF, s0, s1, k0, k1)
        for j in range(n % 4):
            out[n - n % 4 + j] = u32(last[j])
