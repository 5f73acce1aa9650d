"""Overwrites parts of a block with the user's values, reading no more of them than needed."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from stepzero_rnn.dtypes import DType
from stepzero_rnn.engine.words.rounding import store
from stepzero_rnn.plan import Block
from stepzero_rnn.spec.patches import Patch


class Source(Protocol):
    """Storage that the user's values are read from."""

    def read(self, name: str, first: int, last: int) -> NDArray[Any]:
        """Return elements first … last of an array in row-major order, as float32 or float64;
        thread-safe.
        """
        ...


def apply_patches(
    block: Block, source: Source, out: NDArray[Any], first: int, dtype: DType
) -> None:
    """Overwrite elements first, first + 1, … of a block where patches apply, rounded once to a
    dtype.
    """
    for patch in block.patches:
        patched = _PatchedPart(patch, block.cols, source, out, first, dtype)
        if patch.cols == patch.stride == block.cols:
            patched.without_gaps()
        else:
            patched.by_rows()


class _PatchedPart:
    """One patch applied to one part of a block."""

    def __init__(
        self, patch: Patch, cols: int, source: Source, out: NDArray[Any], first: int, dtype: DType
    ) -> None:
        self._patch, self._cols, self._source = patch, cols, source
        self._out, self._first, self._dtype = out, first, dtype

    def without_gaps(self) -> None:
        """Copy whole rows, which are contiguous in both the array and the block."""
        patch, cols = self._patch, self._cols
        begin = max(self._first, patch.row * cols)
        end = min(self._first + len(self._out), (patch.row + patch.rows) * cols)
        if begin < end:
            at = patch.start + begin - patch.row * cols
            values = self._source.read(patch.array, at, at + end - begin)
            self._store(values, self._out[begin - self._first : end - self._first])

    def by_rows(self) -> None:
        """Copy parts of rows: those of complete rows at once, those of the first and last row
        separately.
        """
        cols, last = self._cols, self._first + len(self._out)
        row, skipped = divmod(self._first, cols)
        if skipped or last < (row + 1) * cols:
            self._part_of(row, skipped, min(cols, last - row * cols))
            row += 1
        whole, rest = divmod(last, cols)
        if row < whole:
            self._whole(row, whole)
        if rest and row <= whole:
            self._part_of(whole, 0, rest)

    def _part_of(self, row: int, first: int, last: int) -> None:
        """Copy columns first … last of a row."""
        patch = self._patch
        if not patch.row <= row < patch.row + patch.rows:
            return
        begin, end = max(first, patch.col), min(last, patch.col + patch.cols)
        if begin < end:
            at = patch.start + (row - patch.row) * patch.stride + begin - patch.col
            values = self._source.read(patch.array, at, at + end - begin)
            place = row * self._cols + begin - self._first
            self._store(values, self._out[place : place + end - begin])

    def _whole(self, first: int, last: int) -> None:
        """Copy rows first … last, whose columns are all in the part."""
        patch, cols = self._patch, self._cols
        begin, end = max(first, patch.row), min(last, patch.row + patch.rows)
        if begin >= end:
            return
        at = patch.start + (begin - patch.row) * patch.stride
        span = (end - begin - 1) * patch.stride + patch.cols
        read = self._source.read(patch.array, at, at + span)
        steps = (patch.stride * read.itemsize, read.itemsize)
        values = np.lib.stride_tricks.as_strided(
            read, (end - begin, patch.cols), steps, writeable=False
        )
        rows = self._out[begin * cols - self._first : end * cols - self._first].reshape(-1, cols)
        self._store(values, rows[:, patch.col : patch.col + patch.cols])

    def _store(self, values: NDArray[Any], out: NDArray[Any]) -> None:
        store(values, out, self._dtype)
