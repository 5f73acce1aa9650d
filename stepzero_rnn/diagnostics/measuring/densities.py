"""Probability densities of the values that a scheme draws, for the line beside a histogram."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import log, pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, gammaln
from scipy.stats import norm, truncnorm

from stepzero_rnn.diagnostics.display import finite
from stepzero_rnn.diagnostics.weight_results import ExpectedDensity
from stepzero_rnn.engine.elements.distributions import (
    CutNormal,
    LogitUniform,
    LogUniform,
    Normal,
    Uniform,
)
from stepzero_rnn.engine.laws.orthogonal import Orthogonal

POINTS = 33
SHOWN_STDS = 5.0  # how far a law without bounds is listed on either side
MIN_ORTHOGONAL = 4  # up to 3 units, the density of a coordinate is infinite or flat

Floats = NDArray[np.float64]
Curve = tuple[Floats, Floats]  # values, and their density


def density(law: Any, tensor: str, gate: str) -> ExpectedDensity | None:
    """Return the density of one gate's elements; None for a law without one, as a constant."""
    curve = CURVES.get(type(law))
    points = curve(law) if curve else None
    if points is None:
        return None
    values, densities = points
    return ExpectedDensity(
        tensor, gate, [finite(v) for v in values.tolist()], [finite(d) for d in densities.tolist()]
    )


def _uniform(law: Uniform) -> Curve | None:
    if not law.low < law.high:
        return None
    return np.array([law.low, law.high]), np.full(2, 1 / (law.high - law.low))


def _normal(law: Normal) -> Curve | None:
    if not law.std:
        return None
    z = np.linspace(-SHOWN_STDS, SHOWN_STDS, POINTS)
    return law.mean + z * law.std, norm.pdf(z) / law.std


def _cut_normal(law: CutNormal) -> Curve | None:
    if not law.spread:
        return None
    z = np.linspace(max(law.low, -SHOWN_STDS), min(law.high, SHOWN_STDS), POINTS)
    return law.mean + z * law.spread, truncnorm.pdf(z, law.low, law.high) / law.spread


def _log_uniform(law: LogUniform) -> Curve | None:
    if not (law.factor and law.low < law.high):
        return None
    t = np.linspace(log(law.low), log(law.high), POINTS)
    return _ascending(law.factor * t, np.exp(t) / (law.high - law.low) / abs(law.factor))


def _logit_uniform(law: LogitUniform) -> Curve | None:
    if not (law.factor and law.low < law.high):
        return None
    t = np.linspace(log(law.low / (1 - law.low)), log(law.high / (1 - law.high)), POINTS)
    slope = expit(t) * expit(-t)
    return _ascending(law.factor * t, slope / (law.high - law.low) / abs(law.factor))


def _orthogonal(law: Orthogonal) -> Curve | None:
    """A coordinate of a random unit vector in n dimensions has density ∝ (1 − x²)^((n−3)/2)."""
    n = max(law.rows, law.cols)
    if n < MIN_ORTHOGONAL or not law.gain:
        return None
    x = np.linspace(-1, 1, POINTS) * min(1.0, SHOWN_STDS / sqrt(n))
    scale = np.exp(gammaln(n / 2) - gammaln((n - 1) / 2)) / sqrt(pi)
    return x * abs(law.gain), scale * (1 - x * x) ** ((n - 3) / 2) / abs(law.gain)


def _ascending(values: Floats, densities: Floats) -> Curve:
    return (values, densities) if values[0] < values[-1] else (values[::-1], densities[::-1])


CURVES: Mapping[type, Callable[[Any], Curve | None]] = {
    Uniform: _uniform,
    Normal: _normal,
    CutNormal: _cut_normal,
    LogUniform: _log_uniform,
    LogitUniform: _logit_uniform,
    Orthogonal: _orthogonal,
}
