"""The checksum of HDF5's metadata.

Source:
    Bob Jenkins, lookup3.c, `hashlittle` with initial value 0,
    http://burtleburtle.net/bob/c/lookup3.c.
"""

from __future__ import annotations

import struct

_MASK = 0xFFFFFFFF
_TRIPLE = struct.Struct("<III")
_MIX = (4, 6, 8, 16, 19, 4)
_FINAL = (14, 11, 25, 16, 4, 14, 24)


def lookup3(data: bytes) -> int:
    """Return the checksum of some bytes."""
    whole = max(len(data) - 1, 0) // 12 * 12  # the last 1 to 12 bytes are mixed in another way
    x: int
    y: int
    z: int
    a = b = c = (0xDEADBEEF + len(data)) & _MASK
    for x, y, z in _TRIPLE.iter_unpack(data[:whole]):
        a, b, c = (a + x) & _MASK, (b + y) & _MASK, (c + z) & _MASK
        for turns in _MIX:
            a = ((a - c) ^ (c << turns | c >> 32 - turns)) & _MASK
            a, b, c = b, (c + b) & _MASK, a
    if whole == len(data):
        return c
    x, y, z = _TRIPLE.unpack(data[whole:].ljust(12, b"\0"))
    a, b, c = (a + x) & _MASK, (b + y) & _MASK, (c + z) & _MASK
    for turns in _FINAL:
        c = ((c ^ b) - (b << turns & _MASK | b >> 32 - turns)) & _MASK
        a, b, c = b, c, a
    return b
