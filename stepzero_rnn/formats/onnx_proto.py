"""ONNX's messages, field by field in the order of their numbers.

Source:
    ONNX 1.23, `onnx/onnx.proto`, https://github.com/onnx/onnx.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from stepzero_rnn.formats.protobuf import integer, message, streamed, text
from stepzero_rnn.formats.segments import Literal, Segment

INT64 = 7  # of TensorProto.DataType; those of floats are in stepzero_rnn/dtypes.py
_INT, _STRING, _INTS, _STRINGS = 2, 3, 7, 8  # of AttributeProto.AttributeType
_EXTERNAL = 1  # of TensorProto.DataLocation

Attribute = int | str | tuple[int, ...] | tuple[str, ...]
Dims = Sequence[int | str]  # an axis of unknown length has a name


def node(
    operator: str,
    inputs: Sequence[str],
    outputs: Sequence[str],
    attributes: dict[str, Attribute] | None = None,
) -> bytes:
    """Return a NodeProto, named after its first output."""
    return b"".join(
        [
            *(text(1, name) for name in inputs),
            *(text(2, name) for name in outputs),
            text(3, outputs[0]),
            text(4, operator),
            *(message(5, _attribute(*one)) for one in (attributes or {}).items()),
        ]
    )


def _attribute(name: str, value: Attribute) -> bytes:
    return text(1, name) + _attribute_value(value)


def _attribute_value(value: Attribute) -> bytes:
    match value:
        case int():
            return integer(3, value) + integer(20, _INT)
        case str():
            return text(4, value) + integer(20, _STRING)
        case _:
            kind = _STRINGS if isinstance(value[0], str) else _INTS
            each = (text(9, one) if isinstance(one, str) else integer(8, one) for one in value)
            return b"".join(each) + integer(20, kind)


def value_info(name: str, data_type: int, dims: Dims) -> bytes:
    """Return a ValueInfoProto: an input or output of the graph."""
    axes = (integer(1, dim) if isinstance(dim, int) else text(2, dim) for dim in dims)
    shape = b"".join(message(1, axis) for axis in axes)
    return text(1, name) + message(2, message(1, integer(1, data_type), message(2, shape)))


def tensor(
    name: str, data_type: int, dims: Sequence[int], content: Sequence[Segment]
) -> tuple[Segment, ...]:
    """Return a TensorProto with its elements."""
    return (Literal(_tensor(name, data_type, dims)), *streamed(9, content))


def external_tensor(
    name: str, data_type: int, dims: Sequence[int], *, location: str, offset: int, length: int
) -> tuple[Segment, ...]:
    """Return a TensorProto whose elements are in another file, in the same folder."""
    found = {"location": location, "offset": str(offset), "length": str(length)}
    entries = (message(13, text(1, key), text(2, value)) for key, value in found.items())
    head = _tensor(name, data_type, dims)
    return (Literal(b"".join([head, *entries, integer(14, _EXTERNAL)])),)


def integers(name: str, values: Sequence[int]) -> tuple[Segment, ...]:
    """Return a TensorProto with a vector of int64."""
    data = struct.pack(f"<{len(values)}q", *values)
    return tensor(name, INT64, [len(values)], [Literal(data)])


def _tensor(name: str, data_type: int, dims: Sequence[int]) -> bytes:
    return b"".join(integer(1, dim) for dim in dims) + integer(2, data_type) + text(8, name)


def graph(
    name: str,
    nodes: Iterable[bytes],
    initializers: Iterable[Sequence[Segment]],
    inputs: Iterable[bytes],
    outputs: Iterable[bytes],
) -> list[Segment]:
    """Return a GraphProto."""
    values = [*(message(11, one) for one in inputs), *(message(12, one) for one in outputs)]
    return [
        Literal(b"".join([*(message(1, one) for one in nodes), text(2, name)])),
        *(segment for one in initializers for segment in streamed(5, one)),
        Literal(b"".join(values)),
    ]


def model(
    graph: Sequence[Segment], *, ir: int, opset: int, producer: str, metadata: dict[str, str]
) -> list[Segment]:
    """Return a ModelProto."""
    # The domain of ONNX's own operators has no name; that is written all the same.
    tail = [message(8, text(1, ""), integer(2, opset))]
    tail += [message(14, text(1, key), text(2, value)) for key, value in metadata.items()]
    return [
        Literal(integer(1, ir) + text(2, producer)),
        *streamed(7, graph),
        Literal(b"".join(tail)),
    ]
