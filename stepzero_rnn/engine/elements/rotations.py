"""Block-diagonal rotations: 2 × 2 blocks of random angle and radius along the diagonal of a square
matrix.

Computed in float64, so that a matrix of radius 1 is orthogonal to the last digit of a float64
checkpoint.  Sine and cosine are polynomials evaluated in a fixed order; angles are in turns, of
which a word is an exact fraction.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stepzero_rnn.engine.words.philox import Key, fill_words

Float64s = NDArray[np.float64]

# ±(π/2)ᵏ/k!, the highest power first: the Taylor series of sine and cosine of t quarter turns, t on
# [−½, ½], in t². The truncation error is below 2⁻⁵⁸.
SIN = (
    6.0669357311061955e-12,
    -6.688035109811468e-10,
    5.692172921967927e-08,
    -3.598843235212085e-06,
    0.00016044118478735983,
    -0.004681754135318688,
    0.07969262624616704,
    -0.6459640975062463,
    1.5707963267948966,
)
COS = (
    6.565963114979473e-11,
    -6.386603083791852e-09,
    4.710874778818172e-07,
    -2.5202042373060607e-05,
    0.0009192602748394266,
    -0.02086348076335296,
    0.25366950790104803,
    -1.2337005501361697,
    1.0,
)
TWO_M32 = 2.0**-32
TURN = 6.283185307179586  # in radians


@dataclass(frozen=True, slots=True)
class Rotations:
    """Blocks [[cos, −sin], [sin, cos]]·radius along the diagonal of a square matrix; if the size is
    odd, the last element is a radius.

    Angles are uniform on [low, high) in turns; radii are such that the eigenvalues are uniform on
    the ring from `least` to `most`.
    """

    size: int
    low: float
    high: float
    least: float = 1.0
    most: float = 1.0

    @property
    def std(self) -> float:
        """The standard deviation of a matrix with two nonzero elements per row."""
        square = (self.least * self.least + self.most * self.most) / 2
        mean = _mean_radius(self.least, self.most) * self._mean_diagonal() / self.size
        return sqrt(square / self.size - mean * mean)

    def fill(self, out: NDArray[Any], first: int, key: Key) -> None:
        """Overwrite `out`, which is float64."""
        out.fill(0)
        rows = np.arange(first // self.size, (first + len(out) - 1) // self.size + 1)
        cosines, sines = (of_block[rows // 2 - rows[0] // 2] for of_block in self.blocks(rows, key))
        self._put(out, first, rows, rows, cosines)
        across = np.where(rows % 2, rows - 1, rows + 1)
        inside = across < self.size
        signed = np.where(rows % 2, sines, -sines)
        self._put(out, first, rows[inside], across[inside], signed[inside])

    def blocks(self, rows: NDArray[np.int64], key: Key) -> tuple[Float64s, Float64s]:
        """Return the cosine and the sine, times the radius, of the blocks that contain the rows."""
        begin, end = int(rows[0]) // 2, int(rows[-1]) // 2 + 1
        words = np.empty(4 * (end - begin), np.uint32)
        fill_words(words, begin, *key)
        angle, size = (words[lane::4].astype(np.float64) * TWO_M32 for lane in (0, 1))
        inner, outer = self.least * self.least, self.most * self.most
        radius = np.sqrt(size * (outer - inner) + inner)
        sine, cosine = sine_and_cosine(angle * (self.high - self.low) + self.low)
        if 2 * end > self.size:
            sine[-1], cosine[-1] = 0.0, 1.0
        return radius * cosine, radius * sine

    def _put(
        self,
        out: NDArray[Any],
        first: int,
        rows: NDArray[np.int64],
        columns: NDArray[np.int64],
        values: Float64s,
    ) -> None:
        places = rows * self.size + columns - first
        inside = (places >= 0) & (places < len(out))
        out[places[inside]] = values[inside]

    def _mean_diagonal(self) -> float:
        """Return the mean of an element on the diagonal, at radius 1."""
        if self.low == self.high:
            return float(sine_and_cosine(np.array([self.low]))[1][0])
        (end, start), _ = sine_and_cosine(np.array([self.high, self.low]))
        return float(end - start) / ((self.high - self.low) * TURN)


def _mean_radius(least: float, most: float) -> float:
    """Return the mean radius of points that are uniform on a ring."""
    if least == most:
        return least
    return 2 / 3 * (most * most + most * least + least * least) / (most + least)


def sine_and_cosine(turns: Float64s) -> tuple[Float64s, Float64s]:
    """Return the sine and cosine of angles in turns."""
    quarters = 4.0 * turns
    whole = np.floor(quarters + 0.5)
    t = quarters - whole
    z = t * t
    s, c = _horner(SIN, z) * t, _horner(COS, z)
    quarter = whole.astype(np.int64) & 3
    odd, late = quarter % 2 == 1, quarter >= 2
    sine, cosine = np.where(odd, c, s), np.where(odd, s, c)
    return np.where(late, -sine, sine), np.where(odd != late, -cosine, cosine)


def _horner(coefficients: tuple[float, ...], x: Float64s) -> Float64s:
    result = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        result = result * x + coefficient
    return result
