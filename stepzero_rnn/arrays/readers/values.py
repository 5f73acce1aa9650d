"""Values in a file: their types, and random access to parts of an array."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from math import isqrt, prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from stepzero_rnn.dtypes import DTYPES, DTypeName

CHUNK_BYTES = 1 << 20  # a few chunks are in memory at a time, whatever the size of an array
_ZEROS = bytes(CHUNK_BYTES)
_BFLOAT16_EXPONENT = 0x7F80  # all ones: infinity or NaN


@dataclass(frozen=True, slots=True)
class Values:
    """An element type, and the NumPy type that reads its bytes; bfloat16 is read as integers."""

    dtype: DTypeName
    numpy: str

    @property
    def item_bytes(self) -> int:
        return DTYPES[self.dtype].item_bytes


# What to do with values that are not floats; a mere cast would change most of them.
QUANTIZED = (
    "convert them to floats, subtract the zero point, if there is one, and multiply by the scale, "
    "which is stored elsewhere in the model"
)
INTEGERS = f"they encode other numbers: if the network is quantized, {QUANTIZED}"
BITS = (
    "if they are the bits of bfloat16, send "
    "torch.from_numpy(a.astype(np.uint16).view(np.int16)).view(torch.bfloat16) as .safetensors; "
    f"if the network is quantized, {QUANTIZED}"
)


UNREAD = Values("float32", "<f4")  # placeholder for values that are not read


@dataclass(frozen=True, slots=True)
class Strided:
    """A strided view of an array in a file: start and step along each axis, in elements."""

    start: int
    shape: tuple[int, ...]
    steps: tuple[int, ...]

    @classmethod
    def whole(cls, shape: tuple[int, ...], *, fortran: bool = False) -> Strided:
        """Return the view of a contiguous array, row by row or (Fortran) column by column."""
        axes = range(len(shape))
        inner = [shape[:axis] if fortran else shape[axis + 1 :] for axis in axes]
        return cls(0, shape, tuple(prod(lengths) for lengths in inner))

    def at(self, index: int) -> Strided:
        """Return one index of the first axis, which is removed."""
        return Strided(self.start + index * self.steps[0], self.shape[1:], self.steps[1:])

    def rows(self, first: int, last: int) -> Strided:
        """Return a range of the first axis."""
        shape = (last - first, *self.shape[1:])
        return Strided(self.start + first * self.steps[0], shape, self.steps)

    def transposed(self) -> Strided:
        return Strided(self.start, self.shape[::-1], self.steps[::-1])

    def cols(self, first: int, last: int) -> Strided:
        """Return a range of the last axis."""
        return self.transposed().rows(first, last).transposed()

    @property
    def span(self) -> int:
        """The number of elements from the first to the last, gaps included."""
        return 1 + sum((n - 1) * step for n, step in zip(self.shape, self.steps, strict=True))


def stream(
    file: BinaryIO,
    offset: int,
    values: Values,
    part: Strided,
    scratch: Path,
    chunk_bytes: int = CHUNK_BYTES,
) -> Iterator[NDArray[Any]]:
    """Yield elements of an array that begins at `offset`, row by row, in chunks.

    An array stored by columns is first transposed into an unnamed temporary file in the folder
    `scratch`.

    Raises:
        EOFError: the file is too short.
    """
    at_once = chunk_bytes // values.item_bytes
    if not straightened_bytes(values, part, chunk_bytes):
        for block in _blocks(part, at_once):
            yield read(file, offset, values, block)
        return
    with tempfile.TemporaryFile(dir=scratch) as straight:
        _straighten(file, offset, values, part, straight.fileno(), at_once)
        for block in _blocks(Strided.whole(part.shape), at_once):
            yield read(straight, 0, values, block)


def straightened_bytes(values: Values, part: Strided, chunk_bytes: int = CHUNK_BYTES) -> int:
    """Return the size of the temporary file in which `stream` transposes; 0 if it needs none."""
    is_turned = min(part.shape, default=0) > 1 and part.steps[0] < part.steps[-1]
    if not is_turned or part.span <= chunk_bytes // values.item_bytes:
        return 0
    return prod(part.shape) * values.item_bytes


def _blocks(part: Strided, at_once: int) -> Iterator[Strided]:
    """Split elements, in order, into blocks that fit in memory: rows, or parts of a row."""
    width = prod(part.shape[1:])
    height = max(1, at_once // max(1, width))
    for top in range(0, part.shape[0], height):
        rows = part.rows(top, min(top + height, part.shape[0]))
        if width <= at_once:
            yield rows
            continue
        for left in range(0, width, at_once):
            yield rows.cols(left, min(left + at_once, width))


def _straighten(
    file: BinaryIO, offset: int, values: Values, part: Strided, target: int, at_once: int
) -> None:
    """Transpose tile by tile, so that every read and write covers many elements."""
    rows, cols = part.shape
    height = min(rows, at_once // min(cols, isqrt(at_once)))
    width = min(cols, at_once // height)
    for left in range(0, cols, width):
        strip = part.cols(left, min(left + width, cols))
        for top in range(0, rows, height):
            tile = _read_tile(file, offset, values, strip.rows(top, min(top + height, rows)))
            lines = tile.reshape(1, -1) if width == cols else tile
            for row, line in enumerate(lines.astype(values.numpy), top):
                os.pwrite(target, line.tobytes(), (row * cols + left) * values.item_bytes)


def _read_tile(file: BinaryIO, offset: int, values: Values, tile: Strided) -> NDArray[Any]:
    """Read a tile: at once if its columns are close together, else column by column."""
    if tile.span <= 4 * prod(tile.shape):
        return read(file, offset, values, tile)
    columns = tile.transposed()
    lines = [read(file, offset, values, columns.at(col)) for col in range(columns.shape[0])]
    return np.stack(lines, axis=1)


def read(file: BinaryIO, offset: int, values: Values, part: Strided) -> NDArray[Any]:
    """Read elements of an array that begins at `offset`, including the gaps between them.

    Returns:
        The elements, row by row, in native byte order.

    Raises:
        EOFError: the file is too short.
    """
    kind = np.dtype(values.numpy)
    size = part.span * kind.itemsize
    content = os.pread(
        file.fileno(), size, offset + part.start * kind.itemsize
    )  # threads share files
    if len(content) < size:
        raise EOFError("the file ends before its last element")
    steps = [step * kind.itemsize for step in part.steps]
    lying = np.ndarray(part.shape, kind, content, strides=steps)
    return lying.astype(kind.newbyteorder("="), order="C")


def write_sparsely(file: BinaryIO, content: bytes) -> None:
    """Append to a file; all-zero content leaves a hole, which takes no disk space.

    Truncate the file to its position after the last call.
    """
    if content == _ZEROS[: len(content)]:
        file.seek(len(content), os.SEEK_CUR)
    else:
        file.write(content)


def encoded(number: float, dtype: DTypeName) -> bytes:
    """Return the bytes of a number; for bfloat16 the upper half of float32."""
    if dtype == "bfloat16":
        return np.array(number, "<f4").tobytes()[2:]
    return np.array(number, DTYPES[dtype].numpy).tobytes()


def is_finite(array: NDArray[Any], dtype: DTypeName) -> bool:
    """Whether all values are finite."""
    if dtype == "bfloat16":
        return not bool(np.any((array & _BFLOAT16_EXPONENT) == _BFLOAT16_EXPONENT))
    return bool(np.isfinite(array).all())


def as_floats(array: NDArray[Any], dtype: DTypeName) -> NDArray[Any]:
    """Return values as float32, or float64 if they have that type; both are exact."""
    if dtype == "float64":
        return array
    if dtype == "bfloat16":
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array.astype(np.float32)
