"""The values of one block, read as float64: whole, in rows, or a sample, with their moments.

A block is one gate's part of a tensor, or the stacked tensor.  Blocks above `WHOLE_ELEMENTS` are
never in memory at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, wraps
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from stepzero_rnn.dtypes import DTypeName

Floats = NDArray[np.float64]
Found = TypeVar("Found")

WHOLE_ELEMENTS = 1 << 22  # of a block that is held in memory: 32 MiB
SAMPLE_ELEMENTS = 1 << 17  # of which the distribution is tested
RUN_ELEMENTS = 1 << 11  # adjacent ones of a sample
CROSSED = 256  # rows or columns whose products are tested
SPECTRAL_SIDE = 1024  # of a matrix that is decomposed

# Half of the distance between 1 and the next number, and half of the smallest number.  Values may
# have been float32 before, so float64's are not relied on.
_ROUNDING: dict[DTypeName, tuple[float, float]] = {
    "float64": (2.0**-24, 2.0**-150),
    "float32": (2.0**-24, 2.0**-150),
    "bfloat16": (2.0**-9, 2.0**-134),
    "float16": (2.0**-11, 2.0**-25),
}


@dataclass(frozen=True, eq=False)
class BlockValues:
    """The values of a block (rows, cols); a vector has one column.

    `reader` returns elements first … last (exclusive), in row-major order.
    """

    tensor: str
    gate: str
    rows: int
    cols: int
    dtype: DTypeName
    reader: Callable[[int, int], NDArray[Any]]
    kept: dict[str, Any] = field(default_factory=dict)

    def forget(self) -> None:
        """Free the memory of what was read and computed; it can be read again."""
        self.kept.clear()
        for name in ("whole", "matrix", "sample", "ordered", "crossed"):
            self.__dict__.pop(name, None)

    @property
    def elements(self) -> int:
        return self.rows * self.cols

    @property
    def rounding(self) -> float:
        """The largest relative error of an element."""
        return _ROUNDING[self.dtype][0]

    def slack(self, values: Any) -> Any:
        """Return how far elements of these values may be from what was drawn, generously."""
        relative, absolute = _ROUNDING[self.dtype]
        return 2 * relative * np.abs(values) + absolute

    @cached_property
    def whole(self) -> Floats | None:
        """The block as a matrix, or None if it is too large."""
        if self.elements > WHOLE_ELEMENTS:
            return None
        return self.read(0, self.rows)

    @cached_property
    def matrix(self) -> Floats | None:
        """The block if it is a square matrix that can be decomposed."""
        is_small = self.rows == self.cols <= SPECTRAL_SIDE
        return self.whole if is_small else None

    def read(self, first: int, last: int) -> Floats:
        """Return rows `first` to `last`."""
        values = self.reader(first * self.cols, last * self.cols)
        return values.astype(np.float64).reshape(last - first, self.cols)

    def panels(self) -> Iterator[tuple[int, Floats]]:
        """Yield all rows, in panels of bounded size, each with the index of its first row."""
        if self.whole is not None:
            yield 0, self.whole
            return
        step = max((WHOLE_ELEMENTS // 4) // self.cols, 1)
        for first in range(0, self.rows, step):
            yield first, self.read(first, min(first + step, self.rows))

    @cached_property
    def sample(self) -> Floats:
        """All elements, or evenly spaced runs of them."""
        if self.elements <= SAMPLE_ELEMENTS:
            return self.reader(0, self.elements).astype(np.float64)
        runs = SAMPLE_ELEMENTS // RUN_ELEMENTS
        firsts = (self.elements - RUN_ELEMENTS) * np.arange(runs) // (runs - 1)
        parts = [self.reader(int(first), int(first) + RUN_ELEMENTS) for first in firsts]
        return np.concatenate(parts).astype(np.float64)

    @cached_property
    def ordered(self) -> Floats:
        """The sample in ascending order."""
        return np.sort(self.sample)

    @cached_property
    def mean(self) -> float:
        return float(self.sample.mean())

    def square(self, about: float) -> float:
        """Return the mean square of the sample's distances from a number."""
        return self._variance + (self.mean - about) ** 2

    @cached_property
    def _variance(self) -> float:
        return float(self.sample.var())

    @cached_property
    def crossed(self) -> tuple[Floats, ...]:
        """Some rows and some columns, each as the rows of a matrix; none of a vector."""
        if min(self.rows, self.cols) < 2:
            return ()
        whole = self.whole
        if whole is None:
            return (self.read(0, min(CROSSED, self.rows, WHOLE_ELEMENTS // self.cols or 1)),)
        return tuple(side[:: -(-len(side) // CROSSED)] for side in (whole, whole.T))


def once(find: Callable[[BlockValues], Found]) -> Callable[[BlockValues], Found]:
    """Keep what is found in a block until the block forgets."""

    @wraps(find)
    def find_once(values: BlockValues) -> Found:
        if find.__name__ not in values.kept:
            values.kept[find.__name__] = find(values)
        found: Found = values.kept[find.__name__]
        return found

    return find_once
