"""Haar random matrices; `haar.py` has the algorithm."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stepzero_rnn.dtypes import DType
from stepzero_rnn.engine.elements.distributions import Normal
from stepzero_rnn.engine.linalg import haar
from stepzero_rnn.engine.linalg.products import Tiles
from stepzero_rnn.engine.linalg.tasks import Run, row_ranges
from stepzero_rnn.engine.words.philox import Key
from stepzero_rnn.engine.words.rounding import store


@dataclass(frozen=True, slots=True)
class Orthogonal:
    """`gain` times a Haar random matrix with orthonormal columns, or orthonormal rows if there are
    more columns than rows.

    If `special`, the matrix is square, and the sign of its last column makes the determinant
    positive.
    """

    gain: float
    rows: int
    cols: int
    special: bool = False

    @property
    def std(self) -> float:
        """The root mean square of the elements of a unit vector of the longer side's length."""
        return self.gain / sqrt(max(self.rows, self.cols))

    def fill(self, out: NDArray[Any], dtype: DType, key: Key, run: Run) -> None:
        tall = out if self.rows >= self.cols else out.T
        n, m = tall.shape
        reflectors = draw_reflectors(n, m, key, run)
        if self.special:
            reflectors.signs[m - 1] *= haar.determinant(reflectors)
        run(
            partial(self._put_panel, tall, dtype, reflectors, c0, min(c0 + haar.PANEL, m))
            for c0 in range(0, m, haar.PANEL)
        )

    def _put_panel(
        self, tall: NDArray[Any], dtype: DType, reflectors: haar.Reflectors, c0: int, c1: int
    ) -> None:
        store(haar.columns(reflectors, len(tall), c0, c1, self.gain), tall[:, c0:c1], dtype)


def draw_reflectors(n: int, m: int, key: Key, run: Run, at: int = 0) -> haar.Reflectors:
    """Draw the reflectors of a tall (n, m) matrix from the normals of a stream, starting at number
    `at`.
    """
    reflectors = haar.empty_reflectors(n, m)

    def draw(first: int, last: int) -> None:
        rows = np.empty((last - first) * m, np.float32)
        Normal(0.0, 1.0).fill(rows, at + first * m, key)
        haar.put_gaussians(reflectors.vectors, rows, m, first)

    run(partial(draw, first, last) for first, last in row_ranges(n, m))
    blocks = len(reflectors.factors)
    run(
        partial(haar.make_reflectors, *reflectors, m, first, min(first + 8, blocks))
        for first in range(0, blocks, 8)
    )
    return reflectors


def draw_orthogonal(n: int, m: int, key: Key, run: Run, at: int = 0) -> Tiles:
    """Draw a tall (n, m) matrix in tiles, as `Orthogonal` does with gain 1."""
    reflectors = draw_reflectors(n, m, key, run, at)
    tiles = np.empty((len(reflectors.factors), reflectors.vectors.shape[1], haar.BLOCK))
    step = haar.PANEL // haar.BLOCK

    def put(first: int) -> None:
        panel = slice(first, first + step)
        haar.apply_reflectors(tiles[panel], *reflectors[:2], first)
        tiles[panel] *= reflectors.signs.reshape(-1, 1, haar.BLOCK)[panel]

    run(partial(put, first) for first in range(0, len(tiles), step))
    if m % haar.BLOCK:
        tiles[-1, :, m % haar.BLOCK :] = 0.0
    return tiles
