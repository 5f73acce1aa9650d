"""Laws scaled by a property of the drawn matrix: its spectral radius or its output's variance."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stepzero_rnn.dtypes import DTYPES, DType
from stepzero_rnn.engine.elements.distributions import Normal
from stepzero_rnn.engine.laws.orthogonal import draw_orthogonal
from stepzero_rnn.engine.laws.sparse import Sparse
from stepzero_rnn.engine.linalg.matrix_functions import radius
from stepzero_rnn.engine.linalg.products import (
    TILE,
    Tiles,
    add_columns,
    add_identity,
    gaussians,
    gram,
    multiply,
    put,
    tiled,
    total,
    transposed,
    zeros,
)
from stepzero_rnn.engine.linalg.tasks import Run
from stepzero_rnn.engine.words.philox import Key

PROBE_AT = 1 << 60  # first normal of the probe, far beyond those of the block


@dataclass(frozen=True, slots=True)
class SpectralRadius:
    """A random square matrix whose largest eigenvalue has the absolute value `radius`.

    If "sparse", every unit has `connections` normal weights; if "dense", all weights are normal.
    In a "ring" each unit is driven by its predecessor, always with the same weight.  A nilpotent
    matrix is not scaled.
    """

    radius: float
    kind: str
    connections: int
    size: int

    @property
    def std(self) -> float | None:
        """Known for a ring only; the scale of the others depends on the drawn matrix."""
        return self.radius * sqrt((1 - 1 / self.size) / self.size) if self.kind == "ring" else None

    def fill(self, out: NDArray[Any], dtype: DType, key: Key, run: Run) -> None:
        if self.kind == "ring":
            matrix, drawn_radius = self._ring(), 1.0
        else:
            matrix = self._sparse(key, run) if self.kind == "sparse" else self._dense(key, run)
            drawn_radius = radius(matrix, run)
        matrix *= self.radius / (drawn_radius or self.radius)
        put(matrix, out, dtype, run)

    def _ring(self) -> Tiles:
        matrix, units = zeros(self.size, self.size), np.arange(self.size)
        before = (units - 1) % self.size
        matrix[before // TILE, units, before % TILE] = 1.0
        return matrix

    def _dense(self, key: Key, run: Run) -> Tiles:
        return gaussians(self.size, self.size, key, run)

    def _sparse(self, key: Key, run: Run) -> Tiles:
        drawn = np.empty((self.size, self.size), np.float32)
        law = Sparse(Normal(0.0, 1.0), max(self.size - self.connections, 0), "in", *drawn.shape)
        law.fill(drawn, DTYPES["float32"], key, run)
        return tiled(drawn)


@dataclass(frozen=True, slots=True)
class PositiveDefinite:
    """(A + I)/λ, with A = RᵀR/size, R standard normal, and λ the largest eigenvalue of A + I."""

    size: int
    std: None = None

    def fill(self, out: NDArray[Any], dtype: DType, key: Key, run: Run) -> None:
        matrix = self._gram(key, run)
        matrix /= self.size
        add_identity(matrix, self.size)
        matrix /= radius(matrix, run, symmetric=True)
        put(matrix, out, dtype, run)

    def _gram(self, key: Key, run: Run) -> Tiles:
        drawn = gaussians(self.size, self.size, key, run)
        return gram(drawn, run)


@dataclass(frozen=True, slots=True)
class UnitOutput:
    """A Haar matrix, scaled so that its products with `probe` standard normal vectors have variance
    1.
    """

    probe: int
    rows: int
    cols: int

    @property
    def std(self) -> float:
        """1/√cols, up to the error of the probe."""
        return 1 / sqrt(self.cols)

    def fill(self, out: NDArray[Any], dtype: DType, key: Key, run: Run) -> None:
        tall = out if self.rows >= self.cols else out.T
        matrix = draw_orthogonal(len(tall), tall.shape[1], key, run)
        variance = self._variance(matrix if tall is not out else transposed(matrix, run), key, run)
        matrix *= 1 / sqrt(variance)
        put(matrix, tall, dtype, run)

    def _variance(self, turned: Tiles, key: Key, run: Run) -> float:
        """Return the variance of all outputs of the transpose of `turned`."""
        sums, squares = np.empty((2, -(-self.probe // TILE), TILE))
        run(
            partial(self._look, turned, tile, key, sums[tile : tile + 1], squares[tile : tile + 1])
            for tile in range(len(sums))
        )
        outputs = self.rows * self.probe
        mean = total(sums) / outputs
        return total(squares) / outputs - mean * mean

    def _look(self, turned: Tiles, tile: int, key: Key, *sums: NDArray[np.float64]) -> None:
        """Sum the outputs, and their squares, of up to eight vectors of the probe."""
        first = tile * TILE
        count = min(TILE, self.probe - first)
        numbers = np.empty(count * self.cols, np.float32)
        Normal(0.0, 1.0).fill(numbers, PROBE_AT + first * self.cols, key)
        vectors, outputs = zeros(self.cols, count), zeros(self.rows, count)
        vectors[0, : self.cols, :count] = numbers.reshape(count, self.cols).T
        multiply(outputs, turned, vectors, 0, 1)
        add_columns(*sums, outputs, 0, 1)
