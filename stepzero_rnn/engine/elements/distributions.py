"""Elementwise laws: each element is drawn independently, so any part of a block can be filled.

A law holds the few scalars of its formula, computed once in Python floats and rounded to float32;
`std` is its standard deviation.  `fill(out, first, key)` overwrites `out` (float32) with elements
first, first + 1, … of a block; `first` is a multiple of 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from typing import Any

import numpy as np

from stepzero_rnn.engine.elements import transforms
from stepzero_rnn.engine.elements.patterns import Pattern
from stepzero_rnn.engine.elements.rotations import Rotations
from stepzero_rnn.engine.words.philox import Key
from stepzero_rnn.engine.words.rounding import Float32s, single
from stepzero_rnn.engine.words.scalars import (
    erf_sqrt_half,
    log_uniform_std,
    logit_uniform_std,
    truncated_std,
    upper_tail,
)

NEAR = 2.9  # cuts within this many standard deviations need only the series about the centre


Kernel = tuple[Any, tuple[np.float32, ...]]  # the function from words to numbers, and its scalars


class _Drawn:
    """A law whose elements are computed from random words."""

    __slots__ = ()

    @property
    def kernel(self) -> Kernel:
        """The function in `transforms` that draws the law; other devices identify it by name."""
        raise NotImplementedError

    def fill(self, out: Float32s, first: int, key: Key) -> None:
        kernel, scalars = self.kernel
        kernel(out.view(np.uint32), first // 4, *key, *scalars)


@dataclass(frozen=True, slots=True)
class Uniform(_Drawn):
    """Uniform on [low, high)."""

    low: float
    high: float

    @property
    def std(self) -> float:
        return (self.high - self.low) / sqrt(12)

    @property
    def kernel(self) -> Kernel:
        return transforms.uniform, (single(self.low), single(self.high - self.low))


@dataclass(frozen=True, slots=True)
class Normal(_Drawn):
    """Normal with `mean` and `std`."""

    mean: float
    std: float

    @property
    def kernel(self) -> Kernel:
        return transforms.normal, (single(self.mean), single(self.std))

    def fill(self, out: Float32s, first: int, key: Key) -> None:
        if len(out) % 2:  # normals come in pairs
            whole = np.empty(len(out) + 1, np.float32)
            self.fill(whole, first, key)
            out[:] = whole[:-1]
            return
        _Drawn.fill(self, out, first, key)


@dataclass(frozen=True, slots=True)
class CutNormal(_Drawn):
    """Normal with `mean` and `spread`, cut at `low` and `high` standard deviations from the
    mean.
    """

    mean: float
    spread: float
    low: float
    high: float

    @property
    def std(self) -> float:
        """The standard deviation after the cut."""
        return self.spread * truncated_std(self.low, self.high)

    @property
    def kernel(self) -> Kernel:
        return cut_kernel(self)


@dataclass(frozen=True, slots=True)
class LogUniform(_Drawn):
    """`factor`·ln x, x uniform on [low, high), 0 < low."""

    low: float
    high: float
    factor: float = 1.0

    @property
    def std(self) -> float:
        """|factor| times the standard deviation of ln x."""
        return abs(self.factor) * log_uniform_std(self.low, self.high)

    @property
    def kernel(self) -> Kernel:
        return transforms.log_uniform, log_scalars(self)


@dataclass(frozen=True, slots=True)
class LogitUniform(_Drawn):
    """`factor`·ln(u/(1 − u)), u uniform on [1/units, 1 − 1/units)."""

    units: int
    factor: float = 1.0

    @property
    def low(self) -> float:
        return 1 / self.units

    @property
    def high(self) -> float:
        return 1 - 1 / self.units

    @property
    def std(self) -> float:
        """|factor| times the standard deviation of a truncated logistic variable."""
        return abs(self.factor) * logit_uniform_std(self.units)

    @property
    def kernel(self) -> Kernel:
        return transforms.logit_uniform, log_scalars(self)


def log_scalars(law: LogUniform | LogitUniform) -> tuple[np.float32, ...]:
    """Return the scalars of the kernels: the minimum of x, its range, and the factor."""
    return single(law.low), single(law.high - law.low), single(law.factor)


RandomLaw = Uniform | Normal | CutNormal | LogUniform | LogitUniform
WideLaw = Rotations  # computed in float64, then rounded
ElementLaw = Pattern | RandomLaw | WideLaw


@lru_cache(maxsize=256)
def cut_kernel(law: CutNormal) -> Kernel:
    """Return the kernel of a truncated normal, and its scalars."""
    least, most = (law.mean + cut * law.spread for cut in (law.low, law.high))
    if law.low < 0 < law.high:
        low, high = erf_sqrt_half(law.low), erf_sqrt_half(law.high)
        near = max(-law.low, law.high) <= NEAR
        kernel, spread = (transforms.cut_centre if near else transforms.cut_wide), law.spread
    else:
        above = law.low >= 0
        nearer, farther = (law.low, law.high) if above else (-law.high, -law.low)
        low, high = upper_tail(farther), upper_tail(nearer)
        kernel, spread = transforms.cut_tail, law.spread if above else -law.spread
    scalars = (low, high - low, law.mean, spread, least, most)
    return kernel, tuple(single(value) for value in scalars)
