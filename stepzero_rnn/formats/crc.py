"""The CRC-32 of a concatenation, computed from the CRCs of its parts.

Source:
    zlib 1.3.1, crc32.c (`multmodp`, `x2nmodp`, `crc32_combine64`), https://github.com/madler/zlib:
    appending n bytes multiplies a CRC by x^(8n) modulo the CRC's polynomial over GF(2).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from functools import lru_cache

from stepzero_rnn.formats.segments import Deferred, DeferredValues, Literal, Segment, Zeros

_POLYNOMIAL = 0xEDB88320  # bit 31 holds x^0, bit 0 holds x^31, as in every reflected CRC
_X0 = 1 << 31
_X8 = 1 << 23


def crc32_of(content: Iterable[Segment], values: DeferredValues) -> int:
    """Return the CRC-32 of concatenated segments."""
    crc = 0
    for segment in content:
        match segment:
            case Literal(data):
                crc = zlib.crc32(data, crc)
            case Zeros(size):
                crc = zlib.crc32(bytes(size), crc)
            case Deferred(render=render):
                crc = zlib.crc32(render(values), crc)
            case _:
                crc = crc32_combine(crc, values.crc32(segment), segment.size)
    return crc


def crc32_combine(first: int, second: int, second_bytes: int) -> int:
    """Return the CRC-32 of two concatenated pieces, given the CRCs and the length of the second."""
    if not first:  # at the start of every file
        return second
    return _multiply(_shift(second_bytes), first) ^ second


@lru_cache(maxsize=256)  # a network has few different tensor sizes
def _shift(size_bytes: int) -> int:
    """Return x^(8 · size_bytes) modulo the polynomial, by repeated squaring."""
    power, square = _X0, _X8
    while size_bytes:
        if size_bytes & 1:
            power = _multiply(square, power)
        square = _multiply(square, square)
        size_bytes >>= 1
    return power


def _multiply(left: int, right: int) -> int:
    """Multiply two polynomials over GF(2), modulo the CRC's."""
    product = 0
    while left:
        if left & _X0:
            product ^= right
        left = (left << 1) & 0xFFFFFFFF
        right = (right >> 1) ^ (_POLYNOMIAL if right & 1 else 0)
    return product
