"""The element types a checkpoint can hold: names, sizes and their tags in each file format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

DTypeName = Literal["float32", "float64", "float16", "bfloat16"]


@dataclass(frozen=True, slots=True)
class DType:
    """One element type.

    `numpy` is the type of the bytes in memory: NumPy has no bfloat16, so it is stored as uint16.
    `npy` is the type tag in a `.npy` header, or None if that format has none; `onnx` is the number
    of the type in TensorProto.
    """

    name: DTypeName
    item_bytes: int
    torch_storage: str
    safetensors: str
    numpy: str
    npy: str | None
    onnx: int


DTYPES: Mapping[DTypeName, DType] = {
    "float32": DType("float32", 4, "FloatStorage", "F32", "<f4", "<f4", 1),
    "float64": DType("float64", 8, "DoubleStorage", "F64", "<f8", "<f8", 11),
    "float16": DType("float16", 2, "HalfStorage", "F16", "<f2", "<f2", 10),
    "bfloat16": DType("bfloat16", 2, "BFloat16Storage", "BF16", "<u2", None, 16),
}
