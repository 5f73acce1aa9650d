"""The header of a `.safetensors` file: read as strictly as the library reads it, and written as
the library writes it.

Source:
    https://github.com/huggingface/safetensors#format, and `tensor.rs` there: offsets begin at 0,
    leave no gap, and end at the file's end; tensors lie by dtype, the widest first, then by name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, BinaryIO

from stepzero_rnn.arrays.readers.npy import check_shape
from stepzero_rnn.arrays.readers.values import BITS, INTEGERS, QUANTIZED, UNREAD, Values
from stepzero_rnn.arrays.records import ArrayEntry, FormatError, ReadLimits, require
from stepzero_rnn.dtypes import DTYPES
from stepzero_rnn.errors import MalformedJson
from stepzero_rnn.spec.parse import load_json

_LENGTH_BYTES = 8
_ALIGNMENT_BYTES = 8
_VALUES: Mapping[str, Values] = {
    dtype.safetensors: Values(dtype.name, dtype.numpy) for dtype in DTYPES.values()
}
_INSTEAD: Mapping[str, tuple[str, str]] = {
    "I": ("integers", INTEGERS),
    "U": ("integers", INTEGERS),
    "F": (
        "floats of 8 bits or fewer, which PyTorch's networks do not use",
        f"they are scaled: {QUANTIZED}",
    ),
    "B": ("booleans", "a mask is not a weight: send the weights themselves"),
    "C": ("complex numbers", "PyTorch's networks have real weights"),
}
_LAID_FIRST = ("float64", "float32", "bfloat16", "float16")  # the library's order


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor: its name, type and shape, and where it begins and ends in the file.

    If its values are not floats, `error_in_format` says so, and they are not read.
    """

    name: str
    values: Values
    shape: tuple[int, ...]
    offset: int
    end: int
    error_in_format: FormatError | None = None


def is_one(head: bytes) -> bool:
    """Whether a file begins like a `.safetensors` file: a length below 4 GiB, then an object."""
    return head[4:9] == b"\0\0\0\0{"


def read_header(file: BinaryIO, size_bytes: int, bounds: ReadLimits) -> list[Tensor]:
    """Return the tensors of a file of `size_bytes`, in file order.

    Raises:
        FormatError: the header is invalid or inconsistent.
        LimitExceeded: the header, or the number of tensors, exceeds its bound.
    """
    file.seek(0)
    length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
    start = _LENGTH_BYTES + length
    if start > size_bytes:
        raise FormatError(f"its header claims to have {length} bytes, more than the file")
    require("bytes of header", length, bounds.header_bytes)
    described = _described(file.read(length))
    require("tensors", len(described), bounds.arrays)
    tensors = [*_tensors(described, start)]
    tensors.sort(key=lambda tensor: (tensor.offset, tensor.end))
    ends = [start, *(tensor.end for tensor in tensors)]
    starts = [*(tensor.offset for tensor in tensors), size_bytes]
    if ends != starts:
        raise FormatError("its tensors overlap, leave a gap, or do not end where the file does")
    return tensors


def read_metadata(file: BinaryIO, size_bytes: int, bounds: ReadLimits) -> Mapping[str, Any]:
    """Return the texts that a file has about itself; none if it has no valid header."""
    file.seek(0)
    length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
    if length > min(bounds.header_bytes, size_bytes):
        return {}
    try:
        described = load_json(file.read(length))
    except MalformedJson:
        return {}
    found = described.get("__metadata__") if isinstance(described, dict) else None
    return found if isinstance(found, dict) else {}


def _described(text: bytes) -> dict[str, Any]:
    try:
        described = load_json(text)
    except MalformedJson as error:
        raise FormatError(f"its header is not JSON: {error.detail}") from error
    if not isinstance(described, dict):
        raise FormatError("its header is not an object")
    described.pop("__metadata__", None)
    return described


def _tensors(described: Mapping[str, Any], start: int) -> Iterator[Tensor]:
    for name, facts in described.items():
        if not isinstance(facts, dict) or facts.keys() != {"dtype", "shape", "data_offsets"}:
            raise FormatError("it is not described by dtype, shape and data_offsets", name=name)
        dtype, shape, offsets = facts["dtype"], facts["shape"], facts["data_offsets"]
        if not (_are_lengths(shape) and _are_lengths(offsets) and len(offsets) == 2):
            raise FormatError("its shape or offsets are not lists of lengths", name=name)
        checked = check_shape(shape, name)
        first, last = (start + offset for offset in offsets)
        if not isinstance(dtype, str) or dtype not in _VALUES:
            yield Tensor(name, UNREAD, checked, first, last, _no_floats(dtype, name))
            continue
        if last - first != prod(checked) * _VALUES[dtype].item_bytes:
            raise FormatError("its offsets do not match its shape", name=name)
        yield Tensor(name, _VALUES[dtype], checked, first, last)


def _are_lengths(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)


def _no_floats(dtype: Any, name: str) -> FormatError:
    what, instead = _INSTEAD.get(
        str(dtype)[:1], ("values that are not floats of PyTorch's networks", INTEGERS)
    )
    if dtype in ("U16", "I16"):
        what, instead = "integers of 16 bits", BITS
    return FormatError(
        f"it holds {what}; {instead}",
        name=name,
        code="not_floats",
        given=str(dtype)[:40],
        allowed=["float16", "bfloat16", "float32", "float64"],
    )


def in_order(entries: Sequence[ArrayEntry]) -> list[ArrayEntry]:
    """Return entries in the order in which the library writes them."""
    return sorted(entries, key=lambda entry: (_LAID_FIRST.index(entry.dtype), entry.name))


def header(entries: Sequence[ArrayEntry]) -> bytes:
    """Write the header of entries in the library's order, without metadata, as the library does."""
    described, end = [], 0
    for entry in entries:
        dtype = DTYPES[entry.dtype]
        start, end = end, end + prod(entry.shape) * dtype.item_bytes
        described.append(
            f"{json.dumps(entry.name)}:"
            f'{{"dtype":"{dtype.safetensors}","shape":[{",".join(map(str, entry.shape))}],'
            f'"data_offsets":[{start},{end}]}}'
        )
    text = f"{{{','.join(described)}}}".encode("ascii")
    text += b" " * (-len(text) % _ALIGNMENT_BYTES)
    return len(text).to_bytes(_LENGTH_BYTES, "little") + text
