"""Parameters estimated from the moments of elements: the shortest decimals that they allow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import exp, log, log1p, sqrt
from typing import Any

from scipy.optimize import minimize
from scipy.special import log_ndtr

from stepzero_rnn.identification.facts import Moments
from stepzero_rnn.identification.numbers import between, near

Fields = Mapping[str, Any]
EDGE = 7  # e⁻⁷: the probability that a bound is farther from the extreme than is tried
ERRORS = 2.5  # standard errors of an estimate within which a shorter decimal is preferred


def bounds(found: Moments, rounding: float) -> Iterator[Fields]:
    """Yield symmetric bounds, and others, just outside the extremes."""
    if found.is_constant:
        return
    width = found.high - found.low
    room, slack = EDGE * width / found.count, 2 * rounding * found.reach
    if abs(found.low + found.high) <= 2 * room + slack:
        bound = between(found.reach - slack, found.reach + room)
        yield {"low": -bound, "high": bound}
    yield {
        "low": between(found.low - room, found.low + slack),
        "high": between(found.high - slack, found.high + room),
    }


def mean_std(found: Moments) -> Iterator[Fields]:
    if found.is_constant:
        return
    error = sqrt(found.variance / found.count)
    mean = 0.0 if abs(found.mean) < 3 * error else near(found.mean, ERRORS * error)
    std = sqrt(found.variance + (found.mean - mean) ** 2)
    yield {"mean": mean, "std": near(std, ERRORS * std / sqrt(2 * found.count))}


def likeliest(found: Moments, cuts: Fields) -> Fields:
    """Return the mean and std of a cut normal that fit its elements' moments best."""
    low, high = cuts["low"], cuts["high"]
    width = high - low

    def loss(at: Sequence[float]) -> float:
        mean, std = low + at[0] * width, _scale(at[1]) * width
        ends = sorted((mean - cut) / std for cut in (low, high))
        near_tail, far_tail = log_ndtr([-ends[0], -ends[1]] if ends[0] > 0 else [ends[1], ends[0]])
        mass = near_tail + log1p(-min(exp(far_tail - near_tail), 1 - 1e-16))
        square = found.variance + (found.mean - mean) ** 2
        return float(log(std) + mass + square / (2 * std * std))

    start = [(found.mean - low) / width, log(sqrt(found.variance) / width)]
    share, scale = minimize(loss, start, method="Nelder-Mead").x
    std = _scale(scale) * width
    flatness = std * std / found.variance  # how much more the moments vary than the parameters
    error = ERRORS * flatness / sqrt(found.count)
    return {"mean": near(low + share * width, error * std / 8), "std": near(std, error * std / 8)}


def _scale(logarithm: float) -> float:
    """Return a standard deviation beside the width between the cuts, neither tiny nor huge."""
    return exp(min(max(logarithm, -7.0), 7.0))
