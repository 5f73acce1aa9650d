"""HDF5 files whose every address is known before a weight is: groups with compact links, and
contiguous datasets without a checksum.

The superblock and all headers come first, then the data, each at a multiple of 64 bytes.

Source:
    The HDF5 file format specification, version 3.0 (superblock version 2, object header version 2),
    https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from math import prod
from typing import NamedTuple

from stepzero_rnn.dtypes import DType, DTypeName
from stepzero_rnn.formats.foreign import ForeignArray
from stepzero_rnn.formats.lookup3 import lookup3
from stepzero_rnn.formats.segments import Literal, Segment

Node = Mapping[str, "Node"] | ForeignArray

_ALIGNMENT_BYTES, _HEAP_BYTES, _SUPERBLOCK_BYTES = 64, 4096, 48
_HEADER_BYTES = 14  # of an object header, besides its messages
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_UNDEFINED = (1 << 64) - 1  # an address
# Types of header messages.
_SPACE, _LINK_INFO, _TYPE, _FILL, _LINK, _LAYOUT, _GROUP_INFO, _ATTRIBUTE = 1, 2, 3, 5, 6, 8, 10, 12
_SCALAR = bytes([2, 0, 0, 0])  # a dataspace
_TEXT_IN_HEAP = bytes.fromhex("19010100 10000000 13100000 01000000")  # of any length, UTF-8


class _Float(NamedTuple):
    """Of a float: the places of its sign and exponent, the width and the bias of the latter."""

    sign: int
    exponent: int
    exponent_bits: int
    bias: int


_FLOATS: Mapping[DTypeName, _Float] = {
    "float32": _Float(31, 23, 8, 127),
    "float64": _Float(63, 52, 11, 1023),
    "float16": _Float(15, 10, 5, 15),
}


def file(tree: Mapping[str, Node], dtype: DType, attribute: tuple[str, str]) -> Iterator[Segment]:
    """Lay out a tree of groups and datasets; the attribute is the root group's, a text in ASCII.

    bfloat16, which HDF5 has no type for, is stored as Keras stores it: as opaque elements with an
    attribute `dtype`.
    """
    return _File(tree, dtype, attribute).segments()


class _File:
    """A file: its nodes, each before its children, and their addresses."""

    def __init__(self, tree: Mapping[str, Node], dtype: DType, attribute: tuple[str, str]) -> None:
        self._root, self._dtype, self._attribute = tree, dtype, attribute
        self._nodes = [*_walk(tree)]
        self._headers: dict[int, int] = {}  # the address of each node's header
        self._data: dict[int, int] = {}  # and that of an array's data
        self._heap = 0
        at = _SUPERBLOCK_BYTES
        for node in self._nodes:
            self._headers[id(node)] = at
            at += _HEADER_BYTES + len(self._messages(node))  # the same for any address
        self._headers_end = at
        if dtype.name == "bfloat16":
            self._heap = at + -at % 8
            at = self._heap + _HEAP_BYTES
        for array in self._arrays():
            at += -at % _ALIGNMENT_BYTES
            self._data[id(array)] = at
            at += self._size(array)
        self._end = at

    def segments(self) -> Iterator[Segment]:
        headers = (_object_header(self._messages(node)) for node in self._nodes)
        yield Literal(self._superblock() + b"".join(headers))
        at = self._headers_end
        if self._heap:
            yield Literal(bytes(self._heap - at) + _heap(self._dtype.name))
            at = self._heap + _HEAP_BYTES
        for array in self._arrays():
            start = self._data[id(array)]
            yield Literal(bytes(start - at))
            yield from array.data
            at = start + self._size(array)

    def _arrays(self) -> Iterator[ForeignArray]:
        return (node for node in self._nodes if isinstance(node, ForeignArray))

    def _size(self, array: ForeignArray) -> int:
        return prod(array.shape) * self._dtype.item_bytes

    def _superblock(self) -> bytes:
        sizes = bytes([2, 8, 8, 0])  # version, bytes of an address and of a length, flags
        places = struct.pack("<QQQQ", 0, _UNDEFINED, self._end, self._headers[id(self._root)])
        return _checked(_SIGNATURE + sizes + places)

    def _messages(self, node: Node) -> bytes:
        """Return the messages of a node's header; addresses not yet known are 0."""
        if isinstance(node, ForeignArray):
            return self._dataset(node)
        links = b"".join(_link(name, self._headers.get(id(n), 0)) for name, n in node.items())
        info = _message(_LINK_INFO, struct.pack("<BBQQ", 0, 0, _UNDEFINED, _UNDEFINED))
        messages = info + _message(_GROUP_INFO, bytes(2)) + links
        if node is self._root:
            name, text = self._attribute
            messages += _attribute(name, _text_type(len(text)), text.encode("ascii"))
        return messages

    def _dataset(self, array: ForeignArray) -> bytes:
        rank, address = len(array.shape), self._data.get(id(array), 0)
        messages = [
            _message(_SPACE, struct.pack(f"<BBBB{rank}Q", 2, rank, 0, 1, *array.shape)),
            _message(_TYPE, _element_type(self._dtype)),
            _message(_FILL, b"\x03\x0a"),  # allocated late, written if set, undefined
            _message(_LAYOUT, struct.pack("<BBQQ", 3, 1, address, self._size(array))),
        ]
        if self._dtype.name == "bfloat16":
            place = struct.pack("<IQI", len(self._dtype.name), self._heap, 1)
            messages.append(_attribute("dtype", _TEXT_IN_HEAP, place))
        return b"".join(messages)


def _walk(node: Node) -> Iterator[Node]:
    yield node
    if not isinstance(node, ForeignArray):
        for child in node.values():
            yield from _walk(child)


def _checked(data: bytes) -> bytes:
    return data + struct.pack("<I", lookup3(data))


def _object_header(messages: bytes) -> bytes:
    version, flags = 2, 2  # the size field has four bytes
    return _checked(struct.pack("<4sBBI", b"OHDR", version, flags, len(messages)) + messages)


def _message(kind: int, data: bytes) -> bytes:
    return struct.pack("<BHB", kind, len(data), 0) + data


def _link(name: str, address: int) -> bytes:
    text = name.encode("ascii")
    return _message(_LINK, struct.pack("<BBB", 1, 0, len(text)) + text + struct.pack("<Q", address))


def _attribute(name: str, kind: bytes, data: bytes) -> bytes:
    """Return a scalar attribute, whose type and value are given as bytes."""
    text = name.encode("ascii") + b"\0"
    is_utf8 = 1
    sizes = struct.pack("<BBHHHB", 3, 0, len(text), len(kind), len(_SCALAR), is_utf8)
    return _message(_ATTRIBUTE, sizes + text + kind + _SCALAR + data)


def _text_type(size: int) -> bytes:
    return struct.pack("<BBBBI", 0x13, 1, 0, 0, size)  # padded with zeros, ASCII


def _element_type(dtype: DType) -> bytes:
    if dtype.name == "bfloat16":
        return struct.pack("<BBBBI8x", 0x15, 8, 0, 0, dtype.item_bytes)  # opaque, without a tag
    bits = 8 * dtype.item_bytes
    float_ = _FLOATS[dtype.name]
    kind = struct.pack("<BBBBI", 0x11, 0x20, float_.sign, 0, dtype.item_bytes)
    places = (float_.exponent, float_.exponent_bits, 0, float_.exponent, float_.bias)
    return kind + struct.pack("<HHBBBBI", 0, bits, *places)


def _heap(text: str) -> bytes:
    """Return a global heap that holds one text, and free space."""
    head = struct.pack("<4sB3xQ", b"GCOL", 1, _HEAP_BYTES)
    entry = struct.pack("<HH4xQ", 1, 1, len(text)) + text.encode("ascii")
    used = head + entry + bytes(-len(text) % 8)
    return (used + struct.pack("<HH4xQ", 0, 0, _HEAP_BYTES - len(used))).ljust(_HEAP_BYTES, b"\0")
