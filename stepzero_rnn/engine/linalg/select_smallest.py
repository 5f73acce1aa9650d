"""Finds the smallest of a unit's random words without sorting them: as words are uniform, one
histogram locates the threshold.
"""

from __future__ import annotations

import numpy as np

from stepzero_rnn.engine.words.kernels import inline, kernel

f32, i64, u32, u64 = np.float32, np.int64, np.uint32, np.uint64
LOW = u64(0xFFFFFFFF)
LOOK = 64  # words examined together for one in a bin


@inline
def bin_bits(n):
    """Return the number of top bits that give bins of about eight words."""
    bits = 4
    while bits < 16 and (8 << bits) < n:
        bits += 1
    return bits


@inline
def find_bin(sizes, count):
    """Return the bin that holds the word of rank `count`, and the number of words in the bins
    before it.
    """
    before, cut = 0, 0
    while before + sizes[cut] < count:
        before += sizes[cut]
        cut += 1
    return cut, before


@kernel
def clear_smallest(values, words, count):
    """Set the values (unit, n) at the positions of each unit's `count` smallest words to 0; of
    equal words the first is smaller.
    """
    units, n = words.shape
    shift = u32(32 - bin_bits(n))
    sizes = np.empty(1 << bin_bits(n), np.int32)
    near = np.empty(n, np.uint64)
    for unit in range(units if count else 0):
        sizes[:] = 0
        for i in range(n):
            sizes[i64(words[unit, i] >> shift)] += 1
        cut, before = find_bin(sizes, count)
        least = u32(u32(cut) << shift)
        _sort(near, _gather(words[unit], least, u32(u32(1) << shift), near))
        for i in range(n):
            values[unit, i] = f32(0) if words[unit, i] < least else values[unit, i]
        for k in range(count - before):
            values[unit, i64(near[k] & LOW)] = f32(0)


@kernel
def clear_smallest_by_column(values, words, count):
    """Like `clear_smallest`, for units in columns (n, unit); reads rows, the order in memory."""
    n, units = words.shape
    shift = u32(32 - bin_bits(n))
    width = u32(u32(1) << shift)
    sizes = np.zeros((units, 1 << bin_bits(n)), np.int32)
    for i in range(n):
        for j in range(units):
            sizes[j, i64(words[i, j] >> shift)] += 1
    least, found = np.empty(units, np.uint32), np.zeros(units, np.int64)
    left = np.zeros(units, np.int64)
    most = 0
    for j in range(units):
        cut, before = find_bin(sizes[j], count)
        least[j], left[j] = u32(u32(cut) << shift), count - before
        most = max(most, sizes[j, cut])
    near = np.empty((units, most), np.uint64)
    for i in range(n):
        hit = u32(0)
        for j in range(units):
            hit = u32(hit | u32(u32(words[i, j] - least[j]) < width))
        if hit:
            for j in range(units):
                if u32(words[i, j] - least[j]) < width:
                    near[j, found[j]] = (u64(words[i, j]) << u64(32)) | u64(i)
                    found[j] += 1
        for j in range(units):
            values[i, j] = f32(0) if words[i, j] < least[j] else values[i, j]
    for j in range(units):
        _sort(near[j], found[j])
        for k in range(left[j]):
            values[i64(near[j, k] & LOW), j] = f32(0)


@kernel
def _gather(words, least, width, near):
    """Write the words of one bin, each followed by its position; return their number."""
    found, whole = 0, words.shape[0] // LOOK * LOOK
    for at in range(0, whole, LOOK):
        part, hit = words[at : at + LOOK], u32(0)
        for i in range(LOOK):
            hit = u32(hit | u32(u32(part[i] - least) < width))
        if hit:
            found = _append(part, at, least, width, near, found)
    return _append(words[whole:], whole, least, width, near, found)


@kernel
def _append(words, at, least, width, near, found):
    for i in range(words.shape[0]):
        if u32(words[i] - least) < width:
            near[found] = (u64(words[i]) << u64(32)) | u64(at + i)
            found += 1
    return found


@kernel
def _sort(places, found):
    """Sort the first `found` places, by insertion, as they are few."""
    for i in range(1, found):
        place, j = places[i], i
        while j and places[j - 1] > place:
            places[j] = places[j - 1]
            j -= 1
        places[j] = place
