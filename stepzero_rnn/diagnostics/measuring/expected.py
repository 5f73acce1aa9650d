"""Compares drawn blocks with the laws of their schemes, property by property."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stepzero_rnn.diagnostics.measuring.matrices import eigenvalues, singular_values
from stepzero_rnn.diagnostics.weight_costs import DENSE
from stepzero_rnn.diagnostics.weight_results import Measurable
from stepzero_rnn.dtypes import DType
from stepzero_rnn.engine.elements import patterns
from stepzero_rnn.engine.elements.distributions import (
    CutNormal,
    LogitUniform,
    LogUniform,
    Normal,
    Uniform,
)
from stepzero_rnn.engine.elements.rotations import Rotations
from stepzero_rnn.engine.laws.matrix_laws import LiteralValues
from stepzero_rnn.engine.laws.orthogonal import Orthogonal
from stepzero_rnn.engine.laws.scaled import PositiveDefinite, SpectralRadius, UnitOutput
from stepzero_rnn.engine.laws.scripts import Replay
from stepzero_rnn.engine.laws.sparse import Sparse
from stepzero_rnn.engine.laws.spectra import RandomBasis, SkewExponential, SpectralBand
from stepzero_rnn.engine.words.philox import key
from stepzero_rnn.engine.words.rounding import load, store

ERRORS = 5  # standard errors that a statistic may deviate: once in two million
ROUNDOFF: Mapping[str, float] = {
    "float64": 2.0**-53,
    "float32": 2.0**-24,
    "float16": 2.0**-11,
    "bfloat16": 2.0**-8,
}
# Fourth moment by squared variance; of cut and log-uniform laws, the most that they can have.
KURTOSIS: Mapping[type, float] = {
    Uniform: 1.8,
    Normal: 3.0,
    CutNormal: 9.0,
    LogUniform: 9.0,
    LogitUniform: 4.2,
}

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Check:
    """One figure: what is expected and measured, and the deviation that is accepted.

    `side` is 0 if both directions count, 1 if the value may be below, −1 if it may be above.
    """

    figure: Measurable
    expected: float
    measured: float
    tolerance: float
    side: int = 0

    @property
    def deviation(self) -> float:
        difference = self.measured - self.expected
        return abs(difference) if self.side == 0 else max(self.side * difference, 0.0)

    @property
    def passed(self) -> bool:
        return self.deviation <= self.tolerance


Checks = Iterator[Check]


def checks(law: Any, values: Matrix, dtype: DType) -> Checks:
    """Yield the properties of a block, (rows, cols), whose law is known.

    Nothing is known of laws without a row in `LAWS`: literal values and scripts are compared
    elsewhere, by their bytes.
    """
    check = LAWS.get(type(law))
    return check(law, values, dtype) if check else iter(())


def _std(law: Any, values: Matrix, dtype: DType) -> Checks:
    """The standard error of a standard deviation is σ/2·sqrt((κ − 1)/n), κ the kurtosis."""
    count = values.size
    if count < 2 or not law.std:
        return
    relative = sqrt((KURTOSIS[type(law)] - 1) / count) / 2
    tolerance = law.std * (ERRORS * relative + 1 / count + 2 * ROUNDOFF[dtype.name]) + _tiny(dtype)
    if ERRORS * relative < 1:  # of fewer elements, nothing can be said
        yield Check("std", law.std, float(values.std()), tolerance)


def _bounds(low: float, high: float, values: Matrix, dtype: DType) -> Checks:
    roundoff = 2 * ROUNDOFF[dtype.name]
    yield Check("min", low, float(values.min()), roundoff * abs(low) + _tiny(dtype), side=-1)
    yield Check("max", high, float(values.max()), roundoff * abs(high) + _tiny(dtype), side=1)


def _tiny(dtype: DType) -> float:
    return 2.0**-24 if dtype.name == "float16" else 1e-38  # float16's smallest number


def _normal(law: Normal, values: Matrix, dtype: DType) -> Checks:
    error = ERRORS * law.std / sqrt(values.size) + ROUNDOFF[dtype.name] * abs(law.mean)
    yield Check("mean", law.mean, float(values.mean()), error + _tiny(dtype))
    yield from _std(law, values, dtype)


def _uniform(law: Uniform, values: Matrix, dtype: DType) -> Checks:
    yield from _bounds(law.low, law.high, values, dtype)
    yield from _std(law, values, dtype)


def _cut_normal(law: CutNormal, values: Matrix, dtype: DType) -> Checks:
    low, high = (law.mean + cut * law.spread for cut in (law.low, law.high))
    yield from _bounds(low, high, values, dtype)
    yield from _std(law, values, dtype)


def _log_uniform(law: LogUniform, values: Matrix, dtype: DType) -> Checks:
    yield from _factored(np.log([law.low, law.high]), law.factor, values, dtype)
    yield from _std(law, values, dtype)


def _logit_uniform(law: LogitUniform, values: Matrix, dtype: DType) -> Checks:
    ends = np.array([law.low, law.high])
    yield from _factored(np.log(ends / (1 - ends)), law.factor, values, dtype)
    yield from _std(law, values, dtype)


def _factored(ends: Matrix, factor: float, values: Matrix, dtype: DType) -> Checks:
    low, high = sorted((factor * ends).tolist())
    # The logarithm is rounded to float32 once more than a bound is.
    slack = 2.0**-22 * max(abs(low), abs(high))
    for check in _bounds(low, high, values, dtype):
        yield Check(
            check.figure, check.expected, check.measured, check.tolerance + slack, check.side
        )


def _fixed(law: Any, values: Matrix, dtype: DType) -> Checks:
    """Draw a pattern again: it has no randomness."""
    exact = np.empty(values.size, np.float32)
    law.fill(exact, 0, key(0, 0))
    stored = np.empty(values.size, dtype.numpy)
    store(exact, stored, dtype)
    with np.errstate(invalid="ignore"):
        difference = np.abs(load(stored, dtype).astype(np.float64) - values.reshape(-1)).max()
    yield Check("difference", 0.0, float(difference), 0.0)


def _orthogonal(gain: float, values: Matrix, dtype: DType) -> Checks:
    """Each product of two columns is off by at most 2u·g², u the dtype's unit roundoff (Cauchy)."""
    tall = values if values.shape[0] >= values.shape[1] else values.T
    some = tall[:, :DENSE]
    products = some.T @ tall / gain**2
    products[np.arange(len(products)), np.arange(len(products))] -= 1
    error = float(np.abs(products).max())
    tolerance = 2.5 * ROUNDOFF[dtype.name] + 1e-13
    if dtype.name == "float16":  # its smallest numbers are less precise
        tolerance += 2.0**-24 * len(tall) / gain
    yield Check("orthogonality_error", 0.0, error, tolerance, side=1)


def _haar(law: Orthogonal, values: Matrix, dtype: DType) -> Checks:
    if law.gain:
        yield from _orthogonal(law.gain, values, dtype)


def _skew(law: SkewExponential, values: Matrix, dtype: DType) -> Checks:
    for check in _orthogonal(law.factor, values, dtype):
        # The exponential is a series in float64, squared several times.
        yield Check(check.figure, 0.0, check.measured, check.tolerance + 1e-9, side=1)


def _rotations(law: Rotations, values: Matrix, dtype: DType) -> Checks:
    if law.least == law.most == 1:
        yield from _orthogonal(1.0, values, dtype)
    else:
        yield from _radius(law.most, values, dtype, side=1)


def _random_basis(law: RandomBasis, values: Matrix, dtype: DType) -> Checks:
    yield from _radius(law.blocks.most, values, dtype, side=1)


def _radius(radius: float, values: Matrix, dtype: DType, side: int = 0) -> Checks:
    """Rounding every element changes a normal matrix's eigenvalues by at most u·‖W‖_F."""
    found = eigenvalues(values)
    if found is not None:
        moved = ROUNDOFF[dtype.name] * float(np.linalg.norm(values))
        method = 1e-5 if len(values) <= DENSE else 1e-3
        tolerance = 20 * moved + method * radius  # matrices are not normal
        yield Check("spectral_radius", radius, found.radius, tolerance, side)


def _scaled_radius(law: SpectralRadius, values: Matrix, dtype: DType) -> Checks:
    if law.kind != "ring":
        yield from _radius(law.radius, values, dtype)


def _band(law: SpectralBand, values: Matrix, dtype: DType) -> Checks:
    found = singular_values(values)
    if found is None:
        return
    tolerance = 2 * ROUNDOFF[dtype.name] * float(np.linalg.norm(values)) + 1e-6
    high, low = 1 + law.margin, 1 - law.margin
    yield Check("largest_singular_value", high, float(found.max()), tolerance, side=1)
    if len(found) == min(values.shape):
        yield Check("smallest_singular_value", low, float(found.min()), tolerance, side=-1)


def _unit_output(law: UnitOutput, values: Matrix, dtype: DType) -> Checks:
    """The scale is estimated with `probe` vectors, so it is off by about sqrt(1/(2·probe))."""
    error = ERRORS * sqrt(0.5 / law.probe) + 2 * ROUNDOFF[dtype.name]
    yield Check("std", law.std, float(np.sqrt(np.square(values).mean())), error * law.std)


def _sparse(law: Sparse, values: Matrix, dtype: DType) -> Checks:
    axis = 1 if law.axis == "in" else 0
    zeros = (values == 0).sum(axis)
    # Rounding may add zeros, never remove them.
    yield Check("zeros", law.zeros, float(zeros.min()), 0.0, side=-1)
    drawn = values[values != 0].reshape(1, -1)
    if drawn.size and isinstance(law.drawn, Uniform):
        yield from _bounds(law.drawn.low, law.drawn.high, drawn, dtype)
    if drawn.size:
        yield from _std(law.drawn, drawn, dtype)


LAWS: Mapping[type, Callable[[Any, Matrix, DType], Checks]] = {
    Uniform: _uniform,
    Normal: _normal,
    CutNormal: _cut_normal,
    LogUniform: _log_uniform,
    LogitUniform: _logit_uniform,
    patterns.Constant: _fixed,
    patterns.Diagonal: _fixed,
    patterns.Hadamard: _fixed,
    patterns.Ladder: _fixed,
    patterns.Bands: _fixed,
    patterns.Ramp: _fixed,
    Rotations: _rotations,
    Orthogonal: _haar,
    Sparse: _sparse,
    SpectralBand: _band,
    SpectralRadius: _scaled_radius,
    PositiveDefinite: lambda _, values, dtype: _radius(1.0, values, dtype),
    SkewExponential: _skew,
    RandomBasis: _random_basis,
    UnitOutput: _unit_output,
}
UNKNOWN: tuple[type, ...] = (LiteralValues, Replay)
