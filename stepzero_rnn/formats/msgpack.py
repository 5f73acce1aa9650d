"""msgpack as `flax.serialization` writes it: arrays as extension type 1, large ones in chunks.

Sources:
    The specification, https://github.com/msgpack/msgpack/blob/master/spec.md; Flax 0.12,
    `serialization.py`, https://github.com/google/flax.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from math import prod

from stepzero_rnn.dtypes import DType
from stepzero_rnn.formats.foreign import ForeignArray, parts_of
from stepzero_rnn.formats.segments import Literal, Segment, Zeros

MAX_ARRAY_BYTES = 1 << 30  # of an array in one piece
_ARRAY = 1  # extension type
_TRUE = b"\xc3"
_EXT = {1: 0xD4, 2: 0xD5, 4: 0xD6, 8: 0xD7, 16: 0xD8}  # by length

Node = Mapping[str, "Node"] | ForeignArray | str


def packed(node: Node, dtype: DType) -> Iterator[Segment]:
    """Lay out a tree of arrays and texts, with the keys of each mapping in order."""
    if isinstance(node, str):
        yield Literal(_text(node))
    elif isinstance(node, ForeignArray):
        yield from _array(node, dtype)
    else:
        yield Literal(_map(len(node)))
        for key in sorted(node):
            yield Literal(_text(key))
            yield from packed(node[key], dtype)


def _array(array: ForeignArray, dtype: DType) -> Iterator[Segment]:
    count, per_chunk = prod(array.shape), MAX_ARRAY_BYTES // dtype.item_bytes
    if count <= per_chunk:
        yield from _leaf(array, dtype)
        return
    shape = b"".join(_text(str(axis)) + _uint(n) for axis, n in enumerate(array.shape))
    yield Literal(_map(3) + _text("__msgpack_chunked_array__") + _TRUE)
    yield Literal(_text("shape") + _map(len(array.shape)) + shape)
    yield Literal(_text("chunks") + _map(-(-count // per_chunk)))
    for number, first in enumerate(range(0, count, per_chunk)):
        last = min(first + per_chunk, count)
        yield Literal(_text(str(number)))
        data = (part for part in array.data if not isinstance(part, Zeros))  # they are small
        chunk = ForeignArray((last - first,), tuple(parts_of(data, first, last)))
        yield from _leaf(chunk, dtype)


def _leaf(array: ForeignArray, dtype: DType) -> Iterator[Segment]:
    size = prod(array.shape) * dtype.item_bytes
    shape = bytes([0x90 | len(array.shape)]) + b"".join(map(_uint, array.shape))
    inner = b"\x93" + shape + _text(dtype.name) + _sized(size, 0xC4)
    yield Literal(_ext(len(inner) + size) + inner)
    yield from array.data


def _map(count: int) -> bytes:
    if count < 1 << 4:
        return bytes([0x80 | count])
    return struct.pack(">BH", 0xDE, count) if count < 1 << 16 else struct.pack(">BI", 0xDF, count)


def _text(text: str) -> bytes:
    data = text.encode()
    return (bytes([0xA0 | len(data)]) if len(data) < 1 << 5 else _sized(len(data), 0xD9)) + data


def _uint(number: int) -> bytes:
    return bytes([number]) if number < 1 << 7 else _sized(number, 0xCC)


def _ext(size: int) -> bytes:
    head = bytes([_EXT[size]]) if size in _EXT else _sized(size, 0xC7)
    return head + bytes([_ARRAY])


def _sized(number: int, code: int) -> bytes:
    """Return a number in the fewest bytes of 1, 2 and 4, after the code of that width."""
    for place, (width, kind) in enumerate(((8, "B"), (16, "H"), (32, "I"))):
        if number < 1 << width:
            return struct.pack(f">B{kind}", code + place, number)
    raise ValueError(f"{number} does not fit into 32 bits")
