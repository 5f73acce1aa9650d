"""Laws with a prescribed spectrum: singular values in a band, or eigenvalues in a ring."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stepzero_rnn.dtypes import DType
from stepzero_rnn.engine.elements.distributions import Uniform
from stepzero_rnn.engine.elements.rotations import Rotations
from stepzero_rnn.engine.laws.orthogonal import draw_orthogonal
from stepzero_rnn.engine.linalg.matrix_functions import exponential
from stepzero_rnn.engine.linalg.products import Tiles, gaussians, product, put, transposed
from stepzero_rnn.engine.linalg.tasks import Run
from stepzero_rnn.engine.words.philox import Key

RIGHT_AT = 1 << 60  # first normal of the right factor, far beyond those of the left
SPECTRUM_AT = 1 << 61  # first word of the spectrum


@dataclass(frozen=True, slots=True)
class SpectralBand:
    """U·diag(s)·Vᵀ with Haar U and V, and s uniform on [1 − margin, 1 + margin)."""

    margin: float
    rows: int
    cols: int

    @property
    def std(self) -> float:
        """From the mean square of s, 1 + margin²/3."""
        return sqrt((1 + self.margin * self.margin / 3) / max(self.rows, self.cols))

    def fill(self, out: NDArray[Any], dtype: DType, key: Key, run: Run) -> None:
        count = min(self.rows, self.cols)
        values = np.empty(count, np.float32)
        Uniform(1 - self.margin, 1 + self.margin).fill(values, SPECTRUM_AT, key)
        left = self._turned(self.rows, count, key, run, 0)
        left[:, :count] *= values[:, None].astype(np.float64)
        put(product(left, self._turned(self.cols, count, key, run, RIGHT_AT), run), out, dtype, run)

    def _turned(self, rows: int, count: int, key: Key, run: Run, first: int) -> Tiles:
        return transposed(draw_orthogonal(rows, count, key, run, first), run)


@dataclass(frozen=True, slots=True)
class RandomBasis:
    """VᵀBV with Haar V, B the rotations."""

    blocks: Rotations

    @property
    def std(self) -> float:
        """That of the rotations: a change of basis preserves the sum of squares."""
        return self.blocks.std

    def fill(self, out: NDArray[Any], dtype: DType, key: Key, run: Run) -> None:
        basis = draw_orthogonal(len(out), len(out), key, run, RIGHT_AT)
        put(product(basis, self._turned(basis, key), run), out, dtype, run)

    def _turned(self, basis: Tiles, key: Key) -> Tiles:
        """Return B·V."""
        size = self.blocks.size
        pairs = size - size % 2
        c, s = (each[:, None] for each in self.blocks.blocks(np.arange(size), key))
        turned, even, odd = np.zeros_like(basis), basis[:, 0:pairs:2], basis[:, 1:pairs:2]
        turned[:, 0:pairs:2] = c[: pairs // 2] * even - s[: pairs // 2] * odd
        turned[:, 1:pairs:2] = s[: pairs // 2] * even + c[: pairs // 2] * odd
        turned[:, pairs:size] = c[pairs // 2 :] * basis[:, pairs:size]
        return turned


@dataclass(frozen=True, slots=True)
class SkewExponential:
    """`factor`·e^X, X = `scale`·(M − Mᵀ) with M standard normal."""

    scale: float
    factor: float
    size: int
    std: None = None

    def fill(self, out: NDArray[Any], dtype: DType, key: Key, run: Run) -> None:
        matrix = exponential(self._skew(key, run), self.size, run)
        matrix *= self.factor
        put(matrix, out, dtype, run)

    def _skew(self, key: Key, run: Run) -> Tiles:
        drawn = gaussians(self.size, self.size, key, run)
        drawn -= transposed(drawn, run)
        drawn *= self.scale
        return drawn
