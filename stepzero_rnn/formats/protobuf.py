"""Messages of Protocol Buffers: each field as its key and its value.

If fields are written in the order of their numbers, the bytes are those of the library's own
`SerializeToString`: https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

from collections.abc import Sequence

from stepzero_rnn.formats.segments import Literal, Segment, size_of

_VARINT, _LENGTH_DELIMITED = 0, 2  # wire types


def integer(field: int, value: int) -> bytes:
    """Return a field with an integer; a negative one is written as its value modulo 2⁶⁴."""
    return _varint(field << 3 | _VARINT) + _varint(value % (1 << 64))


def text(field: int, value: str) -> bytes:
    """Return a field with a string."""
    return message(field, value.encode())


def message(field: int, *content: bytes) -> bytes:
    """Return a field with an embedded message, or with bytes."""
    value = b"".join(content)
    return _start(field, len(value)) + value


def streamed(field: int, content: Sequence[Segment]) -> tuple[Segment, ...]:
    """Return a field with content of which only the size is known yet."""
    return (Literal(_start(field, size_of(content))), *content)


def _start(field: int, size: int) -> bytes:
    return _varint(field << 3 | _LENGTH_DELIMITED) + _varint(size)


def _varint(value: int) -> bytes:
    """Return a number in groups of seven bits, the lowest first."""
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)
