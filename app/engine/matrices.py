"""The laws that need a whole block at once: no element can be drawn without the others.

`fill(out, dtype, key, run)` overwrites `out` (rows, cols), in the checkpoint's dtype; `run` carries out independent
tasks on the pool of workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.dtypes import DType
from app.engine import haar
from app.engine.distributions import Normal, Uniform
from app.engine.philox import Key, fill_words
from app.engine.rounding import store
from app.engine.smallest import clear_smallest, clear_smallest_by_column

Run = Callable[[Iterable[Callable[[], None]]], None]

DRAW_ELEMENTS = 1 << 18  # per task
NEAR_ELEMENTS = 1 << 16  # that a task works on at a time, in memory that it uses again
COLUMNS = 64  # of a sparse block, per task: a few cache lines side by side
MASK_GROUP = (
    1 << 60
)  # first group of the words that place a sparse block's zeros, far behind its elements


@dataclass(frozen=True, slots=True)
class Orthogonal:
    """`gain` times a Haar random matrix with orthonormal columns, or rows where there are more columns."""

    gain: float
    rows: int
    cols: int

    @property
    def std(self) -> float:
        """Each of the longer side's elements takes an equal part of a unit vector."""
        return self.gain / sqrt(max(self.rows, self.cols))

    def fill(self, out: NDArray[Any], dtype: DType, key: Key, run: Run) -> None:
        """Overwrite `out`."""
        tall = out if self.rows >= self.cols else out.T
        n, m = tall.shape
        reflectors = haar.empty_reflectors(n, m)
        run(
            partial(_draw_rows, reflectors, m, first, last, key)
            for first, last in _row_ranges(n, m)
        )
        blocks = len(reflectors.factors)
        run(
            partial(haar.make_reflectors, *reflectors, m, first, min(first + 8, blocks))
            for first in range(0, blocks, 8)
        )
        run(
            partial(self._put_panel, tall, dtype, reflectors, c0, min(c0 + haar.PANEL, m))
            for c0 in range(0, m, haar.PANEL)
        )

    def _put_panel(
        self, tall: NDArray[Any], dtype: DType, reflectors: haar.Reflectors, c0: int, c1: int
    ) -> None:
        store(haar.columns(reflectors, len(tall), c0, c1, self.gain), tall[:, c0:c1], dtype)


@dataclass(frozen=True, slots=True)
class Sparse:
    """Drawn by an elementwise law of mean 0, but for `zeros` of the connections of every unit, which are zero.

    A unit is a row (axis "in") or a column (axis "out").  Its zeros are where the smallest of n random words stand; of
    equal words the first is smaller.
    """

    drawn: Normal | Uniform
    zeros: int
    axis: str
    rows: int
    cols: int

    @property
    def std(self) -> float:
        """The spread, with the zeros counted in."""
        connections = self.cols if self.axis == "in" else self.rows
        return self.drawn.std * sqrt(1 - self.zeros / connections)

    def fill(self, out: NDArray[Any], dtype: DType, key: Key, run: Run) -> None:
        """Overwrite `out`."""
        fill = self._fill_by_rows if self.axis == "in" else self._fill_by_columns
        fill(out, dtype, key, run)

    def _fill_by_rows(self, out: NDArray[Any], dtype: DType, key: Key, run: Run) -> None:
        def put(first: int, last: int) -> None:
            few = list(_row_ranges(last - first, self.cols, NEAR_ELEMENTS))
            values, words = self._room(few[0][1])
            for begin, end in few:
                rows, own = slice(0, end - begin), out[first + begin : first + end]
                drawn = own if dtype.name == "float32" else values[rows]
                self._draw(first + begin, drawn, words[rows], key)
                clear_smallest(drawn, words[rows], self.zeros)
                if drawn is not own:
                    store(drawn, own, dtype)

        run(partial(put, first, last) for first, last in _row_ranges(self.rows, self.cols))

    def _fill_by_columns(self, out: NDArray[Any], dtype: DType, key: Key, run: Run) -> None:
        values, words = self._room(self.rows)

        def draw(first: int, last: int) -> None:
            self._draw(first, values[first:last], words[first:last], key)

        def put(first: int) -> None:
            columns = slice(first, first + COLUMNS)
            if self.zeros:
                clear_smallest_by_column(values[:, columns], words[:, columns], self.zeros)
            store(values[:, columns], out[:, columns], dtype)

        run(partial(draw, first, last) for first, last in _row_ranges(self.rows, self.cols))
        run(partial(put, first) for first in range(0, self.cols, COLUMNS))

    def _room(self, rows: int) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
        return np.empty((rows, self.cols), np.float32), np.empty((rows, self.cols), np.uint32)

    def _draw(
        self, first: int, values: NDArray[np.float32], words: NDArray[np.uint32], key: Key
    ) -> None:
        """Draw whole rows, from row `first`, and the words that say which of their elements stay."""
        begin = first * self.cols
        self.drawn.fill(values.reshape(-1), begin, key)
        fill_words(words.reshape(-1), MASK_GROUP + begin // 4, *key)


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """The numbers that were given, as float64."""

    values: NDArray[np.float64]

    @property
    def std(self) -> None:
        """Nobody promises one."""

    def fill(self, out: NDArray[Any], dtype: DType, key: Key, run: Run) -> None:
        """Overwrite `out`."""
        store(self.values.reshape(out.shape), out, dtype)


MatrixLaw = Orthogonal | Sparse | Given


def _draw_rows(reflectors: haar.Reflectors, m: int, first: int, last: int, key: Key) -> None:
    rows = np.empty((last - first) * m, np.float32)
    Normal(0.0, 1.0).fill(rows, first * m, key)
    haar.put_gaussians(reflectors.vectors, rows, m, first)


def _row_ranges(rows: int, cols: int, elements: int = DRAW_ELEMENTS) -> Iterator[tuple[int, int]]:
    """Cut rows into ranges of about so many elements, the first of each a multiple of 4."""
    step = max(1, elements // cols // 4) * 4
    for first in range(0, rows, step):
        yield first, min(first + step, rows)
