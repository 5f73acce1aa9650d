"""The laws that need a whole block at once: no element can be drawn without the others.

`fill(out, dtype, key, run)` overwrites `out` (rows, cols), in the checkpoint's dtype; `run` carries out independent
tasks on the pool of workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from functools import partial
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.dtypes import DType
from app.engine import haar
from app.engine.distributions import Normal
from app.engine.philox import Key, fill_words
from app.engine.rounding import store

Run = Callable[[Iterable[Callable[[], None]]], None]

DRAW_ELEMENTS = 1 << 18  # per task
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
        store(haar.columns(reflectors, c0, c1, self.gain), tall[:, c0:c1], dtype)


@dataclass(frozen=True, slots=True)
class Sparse:
    """Normal with `spread`, ⌈sparsity · n⌉ of the n connections of every unit zero.

    A unit is a row (axis "in") or a column (axis "out").  Its zeros are where the smallest of n random words stand; of
    equal words the first is smaller.
    """

    sparsity: float
    spread: float
    axis: str
    rows: int
    cols: int

    @property
    def zeros(self) -> int:
        """How many connections of a unit are zero; the share is read as the decimal it was given as."""
        connections = self.cols if self.axis == "in" else self.rows
        exact = Decimal(repr(self.sparsity)) * connections
        return int(exact.to_integral_value(ROUND_CEILING))

    @property
    def std(self) -> float:
        """The spread, with the zeros counted in."""
        connections = self.cols if self.axis == "in" else self.rows
        return self.spread * sqrt(1 - self.zeros / connections)

    def fill(self, out: NDArray[Any], dtype: DType, key: Key, run: Run) -> None:
        """Overwrite `out`."""
        words = np.empty(self.rows * self.cols, np.uint32)
        run(
            partial(self._draw_rows, out, words, dtype, first, last, key)
            for first, last in _row_ranges(self.rows, self.cols)
        )
        units, places = out, words.reshape(self.rows, self.cols)
        if self.axis == "out":
            units, places = units.T, places.T
        step = max(1, DRAW_ELEMENTS // units.shape[1])
        run(
            partial(self._clear, units[first : first + step], places[first : first + step])
            for first in range(0, len(units), step)
        )

    def _draw_rows(
        self,
        out: NDArray[Any],
        words: NDArray[np.uint32],
        dtype: DType,
        first: int,
        last: int,
        key: Key,
    ) -> None:
        begin, end = first * self.cols, last * self.cols
        values = np.empty(end - begin, np.float32)
        Normal(0.0, self.spread).fill(values, begin, key)
        store(values, out.reshape(-1)[begin:end], dtype)
        fill_words(words[begin:end], MASK_GROUP + begin // 4, *key)

    def _clear(self, units: NDArray[Any], places: NDArray[np.uint32]) -> None:
        if self.zeros:
            order = (places.astype(np.uint64) << np.uint64(32)) | np.arange(
                places.shape[1], dtype=np.uint64
            )
            last = np.partition(order, self.zeros - 1, axis=1)[:, self.zeros - 1 : self.zeros]
            units[order <= last] = 0


MatrixLaw = Orthogonal | Sparse


def _draw_rows(reflectors: haar.Reflectors, m: int, first: int, last: int, key: Key) -> None:
    rows = np.empty((last - first) * m, np.float32)
    Normal(0.0, 1.0).fill(rows, first * m, key)
    haar.put_gaussians(reflectors.vectors, rows, m, first)


def _row_ranges(rows: int, cols: int) -> Iterator[tuple[int, int]]:
    """Cut rows into ranges of about DRAW_ELEMENTS elements whose first element is a multiple of 4."""
    step = max(1, DRAW_ELEMENTS // cols // 4) * 4
    for first in range(0, rows, step):
        yield first, min(first + step, rows)
