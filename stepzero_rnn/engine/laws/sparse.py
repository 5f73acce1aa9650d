"""Sparse blocks: random values, with the same number of zeros in every unit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stepzero_rnn.dtypes import DType
from stepzero_rnn.engine.elements.distributions import Normal, Uniform
from stepzero_rnn.engine.linalg.select_smallest import clear_smallest, clear_smallest_by_column
from stepzero_rnn.engine.linalg.tasks import Run, row_ranges
from stepzero_rnn.engine.words.philox import Key, fill_words
from stepzero_rnn.engine.words.rounding import store

NEAR_ELEMENTS = 1 << 16  # processed at a time, in a reused buffer
COLUMNS = 64  # per task: a few adjacent cache lines
MASK_GROUP = 1 << 60  # first group of the words that place the zeros, far beyond the elements'


@dataclass(frozen=True, slots=True)
class Sparse:
    """An elementwise law of mean 0, with `zeros` of the connections of every unit set to zero.

    A unit is a row (axis "in") or a column (axis "out").  Its zeros are at the positions of the
    smallest of n random words; of equal words the first is smaller.
    """

    drawn: Normal | Uniform
    zeros: int
    axis: str
    rows: int
    cols: int

    @property
    def std(self) -> float:
        """The standard deviation, including the zeros."""
        connections = self.cols if self.axis == "in" else self.rows
        return self.drawn.std * sqrt(1 - self.zeros / connections)

    def fill(self, out: NDArray[Any], dtype: DType, key: Key, run: Run) -> None:
        fill = self._fill_by_rows if self.axis == "in" else self._fill_by_columns
        fill(out, dtype, key, run)

    def _fill_by_rows(self, out: NDArray[Any], dtype: DType, key: Key, run: Run) -> None:
        def put(first: int, last: int) -> None:
            ranges = list(row_ranges(last - first, self.cols, NEAR_ELEMENTS))
            values, words = self._buffers(ranges[0][1])
            for begin, end in ranges:
                rows, target = slice(0, end - begin), out[first + begin : first + end]
                drawn = target if dtype.name == "float32" else values[rows]
                self._draw(first + begin, drawn, words[rows], key)
                clear_smallest(drawn, words[rows], self.zeros)
                if drawn is not target:
                    store(drawn, target, dtype)

        run(partial(put, first, last) for first, last in row_ranges(self.rows, self.cols))

    def _fill_by_columns(self, out: NDArray[Any], dtype: DType, key: Key, run: Run) -> None:
        values, words = self._buffers(self.rows)

        def draw(first: int, last: int) -> None:
            self._draw(first, values[first:last], words[first:last], key)

        def put(first: int) -> None:
            columns = slice(first, first + COLUMNS)
            if self.zeros:
                clear_smallest_by_column(values[:, columns], words[:, columns], self.zeros)
            store(values[:, columns], out[:, columns], dtype)

        run(partial(draw, first, last) for first, last in row_ranges(self.rows, self.cols))
        run(partial(put, first) for first in range(0, self.cols, COLUMNS))

    def _buffers(self, rows: int) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
        return np.empty((rows, self.cols), np.float32), np.empty((rows, self.cols), np.uint32)

    def _draw(
        self, first: int, values: NDArray[np.float32], words: NDArray[np.uint32], key: Key
    ) -> None:
        """Draw whole rows, from row `first`, and the words that decide which elements are kept."""
        begin = first * self.cols
        self.drawn.fill(values.reshape(-1), begin, key)
        fill_words(words.reshape(-1), MASK_GROUP + begin // 4, *key)
