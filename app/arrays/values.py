"""Numbers as they lie in a file: their types, and reading some of them without the rest."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from app.dtypes import DTYPES, DTypeName

CHUNK_BYTES = 4 << 20  # what is in memory at a time, whatever the array's size
_BFLOAT16_EXPONENT = 0x7F80  # all ones: infinite, or not a number


@dataclass(frozen=True, slots=True)
class Values:
    """A type of numbers, and as what NumPy reads their bytes; bfloat16 it reads as integers."""

    dtype: DTypeName
    numpy: str

    @property
    def item_bytes(self) -> int:
        """How many bytes each takes."""
        return DTYPES[self.dtype].item_bytes


@dataclass(frozen=True, slots=True)
class Strided:
    """Some elements of an array in a file: where the first lies, and the step along each axis, in elements."""

    start: int
    shape: tuple[int, ...]
    steps: tuple[int, ...]

    @classmethod
    def whole(cls, shape: tuple[int, ...], *, fortran: bool = False) -> Strided:
        """Take an array that lies without a gap, row by row or (Fortran) column by column."""
        axes = range(len(shape))
        inner = [shape[:axis] if fortran else shape[axis + 1 :] for axis in axes]
        return cls(0, shape, tuple(prod(lengths) for lengths in inner))

    def at(self, index: int) -> Strided:
        """Take one place of the first axis, which goes."""
        return Strided(self.start + index * self.steps[0], self.shape[1:], self.steps[1:])

    def rows(self, first: int, last: int) -> Strided:
        """Take places of the first axis, which stays."""
        shape = (last - first, *self.shape[1:])
        return Strided(self.start + first * self.steps[0], shape, self.steps)

    def transposed(self) -> Strided:
        """Turn the axes around."""
        return Strided(self.start, self.shape[::-1], self.steps[::-1])

    @property
    def span(self) -> int:
        """How many elements there are from the first to the last."""
        return 1 + sum((n - 1) * step for n, step in zip(self.shape, self.steps, strict=True))

    def chunks(self, item_bytes: int) -> Iterator[Strided]:
        """Cut it into rows that fit in memory, one after another."""
        row_bytes = max(1, prod(self.shape[1:]) * item_bytes)
        step = max(1, CHUNK_BYTES // row_bytes)
        for first in range(0, self.shape[0], step):
            yield self.rows(first, min(first + step, self.shape[0]))


def read(file: BinaryIO, offset: int, values: Values, part: Strided) -> NDArray[Any]:
    """Read elements of an array that begins at `offset`; the result lies row by row, in the machine's order.

    Raises:
        EOFError: the file ends before.
    """
    kind = np.dtype(values.numpy)
    if part.span * kind.itemsize <= max(CHUNK_BYTES, 2 * prod(part.shape) * kind.itemsize):
        return _read_span(file, offset, kind, part)
    # They lie far apart: read line by line, along the axis whose elements are nearest to one another.
    if len(part.shape) == 2 and part.steps[0] < part.steps[1]:
        return np.ascontiguousarray(read(file, offset, values, part.transposed()).T)
    lines = (read(file, offset, values, part.at(row)) for row in range(part.shape[0]))
    return np.stack([*lines])


def _read_span(file: BinaryIO, offset: int, kind: np.dtype[Any], part: Strided) -> NDArray[Any]:
    size = part.span * kind.itemsize
    content = os.pread(
        file.fileno(), size, offset + part.start * kind.itemsize
    )  # threads share files
    if len(content) < size:
        raise EOFError("the file ends before its last element")
    steps = [step * kind.itemsize for step in part.steps]
    lying = np.ndarray(part.shape, kind, content, strides=steps)
    return lying.astype(kind.newbyteorder("="), order="C")


def is_finite(array: NDArray[Any], dtype: DTypeName) -> bool:
    """Whether all numbers are."""
    if dtype == "bfloat16":
        return not bool(np.any((array & _BFLOAT16_EXPONENT) == _BFLOAT16_EXPONENT))
    return bool(np.isfinite(array).all())


def as_floats(array: NDArray[Any], dtype: DTypeName) -> NDArray[Any]:
    """Give numbers as float32, or float64 where they are; both hold them exactly."""
    if dtype == "float64":
        return array
    if dtype == "bfloat16":
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array.astype(np.float32)
