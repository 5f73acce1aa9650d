"""Laws without randomness: every element is a function of its position.

`fill(out, first, key)` overwrites `out` (float32) with elements first, first + 1, … of a block, as
for the laws of `distributions.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from stepzero_rnn.engine.words.philox import Key
from stepzero_rnn.engine.words.rounding import Float32s, single


@dataclass(frozen=True, slots=True)
class Constant:
    """Every element is `value`."""

    value: float
    std: float = 0.0

    def fill(self, out: Float32s, first: int, key: Key) -> None:
        out.fill(single(self.value))


@dataclass(frozen=True, slots=True)
class Diagonal:
    """`gain` on the diagonal of a block with `cols` columns, 0 elsewhere."""

    gain: float
    rows: int
    cols: int

    @property
    def std(self) -> float:
        """The standard deviation of a matrix with few nonzero elements."""
        share = min(self.rows, self.cols) / (self.rows * self.cols)
        return abs(self.gain) * sqrt(share * (1 - share))

    def fill(self, out: Float32s, first: int, key: Key) -> None:
        out.fill(0)
        step = self.cols + 1
        _put(out, first, range(0, min(self.rows, self.cols) * step, step), self.gain)


@dataclass(frozen=True, slots=True)
class Hadamard:
    """The first `rows` and `cols` (rows > cols) of Sylvester's Hadamard matrix of order 2ᵐ, m =
    ⌈log₂ rows⌉, times 2^(−(m − 1)/2).

    Element (r, c) is negative if r and c share an odd number of bits.
    """

    rows: int
    cols: int

    @property
    def size(self) -> float:
        """The absolute value of every element."""
        return sqrt(2.0 ** (1 - (self.rows - 1).bit_length()))

    @property
    def std(self) -> float:
        """The standard deviation; the mean of a truncated matrix is not 0."""
        columns = np.arange(1, self.cols, dtype=np.int64)
        half = columns & -columns  # consecutive rows of the same sign
        rest = self.rows % (2 * half)
        odd = np.bitwise_count((self.rows - rest) & columns) % 2
        sums = np.where(odd, -1, 1) * (np.minimum(rest, half) - np.maximum(rest - half, 0))
        mean = (self.rows + int(sums.sum())) / (self.rows * self.cols)
        return self.size * sqrt(1 - mean * mean)

    def fill(self, out: Float32s, first: int, key: Key) -> None:
        rows, columns = divmod(np.arange(first, first + len(out), dtype=np.int64), self.cols)
        odd = np.bitwise_count(rows & columns) % 2
        out[:] = np.where(odd, -single(self.size), single(self.size))


@dataclass(frozen=True, slots=True)
class Ladder:
    """`step`·(k + 1) in block k of a vector of `units`, whose element j is in block j·blocks div
    units.
    """

    step: float
    blocks: int
    units: int

    @property
    def std(self) -> float:
        """The standard deviation of the steps."""
        return abs(self.step) * sqrt((self.blocks**2 - 1) / 12)

    def fill(self, out: Float32s, first: int, key: Key) -> None:
        block = np.arange(first, first + len(out), dtype=np.int64) * self.blocks // self.units
        np.multiply(block + 1, single(self.step), out=out, dtype=np.float32, casting="same_kind")


@dataclass(frozen=True, slots=True)
class Bands:
    """`above` right above the diagonal of a square matrix, `below` right below it, 0 elsewhere."""

    above: float
    below: float
    size: int

    @property
    def std(self) -> float:
        """The standard deviation of a matrix with few nonzero elements."""
        share = (self.size - 1) / (self.size * self.size)
        # Scaled, as the squares may overflow.
        unit = max(abs(self.above), abs(self.below)) or 1.0
        a, b = self.above / unit, self.below / unit
        return unit * sqrt(share * (a * a + b * b) - share * (a + b) * share * (a + b))

    def fill(self, out: Float32s, first: int, key: Key) -> None:
        out.fill(0)
        step, end = self.size + 1, self.size * self.size
        _put(out, first, range(1, end, step), self.above)
        _put(out, first, range(self.size, end, step), self.below)


@dataclass(frozen=True, slots=True)
class Ramp:
    """A square matrix whose element (r, c) is `end`·(c − r)/(size − 1): from −`end` in one corner
    to `end` in the other.
    """

    end: float
    size: int

    @property
    def step(self) -> float:
        """The difference between one diagonal and the next."""
        return self.end / max(self.size - 1, 1)

    @property
    def std(self) -> float:
        """The standard deviation of the difference of two indices."""
        return abs(self.step) * sqrt((self.size * self.size - 1) / 6)

    def fill(self, out: Float32s, first: int, key: Key) -> None:
        rows, columns = divmod(np.arange(first, first + len(out), dtype=np.int64), self.size)
        np.multiply(
            columns - rows, single(self.step), out=out, dtype=np.float32, casting="same_kind"
        )


Pattern = Constant | Diagonal | Hadamard | Ladder | Bands | Ramp


def _put(out: Float32s, first: int, places: range, value: float) -> None:
    """Set places of a block to a value; `out` holds the block's elements from `first`."""
    before = -(-(first - places.start) // places.step) if first > places.start else 0
    start, stop = places.start + before * places.step, min(places.stop, first + len(out))
    if start < stop:
        out[start - first : stop - first : places.step] = single(value)
