"""The values of ONNX's tensors, in whichever of their fields they are."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import prod
from typing import Any

import numpy as np
import onnx

from stepzero_rnn.arrays.parsing.parsed import (
    ITEM_BYTES,
    UNREAD,
    Fault,
    Parsed,
    Refused,
    check_shape,
)

_STEP_BYTES = 4 << 20
_FLOATS = {
    onnx.TensorProto.FLOAT: "F32",
    onnx.TensorProto.FLOAT16: "F16",
    onnx.TensorProto.DOUBLE: "F64",
    onnx.TensorProto.BFLOAT16: "BF16",
}
# Tensors without raw_data: the field, and the type of its bits.
_FIELDS = {
    "F32": ("float_data", "<f4"),
    "F16": ("int32_data", "<u2"),
    "F64": ("double_data", "<f8"),
    "BF16": ("int32_data", "<u2"),
}


def described(name: str, tensor: Any, fault: Fault | None) -> Parsed:
    """Describe a tensor whose values are in the file.

    Raises:
        Refused: their number differs from the shape's.
    """
    shape = check_shape(tuple(tensor.dims), name)
    dtype = _FLOATS.get(tensor.data_type)
    if dtype is None:
        return Parsed(name, _other(tensor.data_type), shape, _nothing, fault)
    item_bytes = ITEM_BYTES[dtype]
    field, kind = _FIELDS[dtype]
    is_raw = tensor.HasField("raw_data")
    found = len(tensor.raw_data) if is_raw else len(getattr(tensor, field)) * item_bytes
    if found != prod(shape) * item_bytes:
        raise Refused(
            f"it has {found} bytes of values; its shape needs {prod(shape) * item_bytes}", name
        )
    content = partial(_raw, tensor) if is_raw else partial(_listed, tensor, field, kind)
    return Parsed(name, dtype, shape, content, fault)


def external(name: str) -> Parsed:
    """Describe a tensor whose values are in another file, which is never opened."""
    detail = (
        "its values are in another file (external data); save the model as one file with "
        "onnx.save(model, path, save_as_external_data=False)"
    )
    return Parsed(name, UNREAD, (), _nothing, Fault("external_data", detail))


def uncomputed(name: str, maker: Any) -> Parsed:
    """Describe an array that is not stored, but computed from others at run time."""
    by = (
        f"computed by a node {maker.op_type[:40]}" if maker is not None else "an input of the graph"
    )
    detail = f"it is {by}, not stored in the file; fold the constants of the model first"
    return Parsed(name, UNREAD, (), _nothing, Fault("not_stored", detail))


def _other(data_type: int) -> str:
    """Return a name as in `.safetensors` of a type that is not read: `INT8` is I8."""
    known = onnx.TensorProto.DataType.values()
    name = onnx.TensorProto.DataType.Name(data_type) if data_type in known else UNREAD
    if name.startswith(("INT", "UINT")):
        return name.replace("INT", "I").replace("UI", "U")
    return name


def _nothing() -> Iterator[bytes]:
    return iter(())


def _raw(tensor: Any) -> Iterator[bytes]:
    content = memoryview(tensor.raw_data)
    for start in range(0, len(content), _STEP_BYTES):
        yield bytes(content[start : start + _STEP_BYTES])


def _listed(tensor: Any, field: str, kind: str) -> Iterator[bytes]:
    values = getattr(tensor, field)
    yield np.fromiter(values, kind, len(values)).tobytes()
