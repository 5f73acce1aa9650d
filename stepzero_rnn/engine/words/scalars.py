"""Scalar functions for the schemes, bit-identical on every machine.

Python's `math.erf` and `math.exp` call the C library and differ between machines; `decimal`
computes in software.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal, localcontext
from functools import lru_cache
from math import sqrt

DIGITS = 80
MAX_DEVIATIONS = 12  # standard deviations; the probability beyond is less than 1e−32
NARROW = 1e-9  # standard deviations; a narrower interval is uniform to the last digit
_PI = Decimal(
    "3.1415926535897932384626433832795028841971693993751058209749445923078164062862089986280348253421170680"
)


def erf_sqrt_half(z: float) -> float:
    """Return erf(z/√2): the probability of a standard normal between −z and z, with z's sign."""
    return float(_erf_sqrt_half(_near(z)))


def upper_tail(z: float) -> float:
    """Return the probability that a standard normal exceeds z."""
    with localcontext(prec=DIGITS):
        return float((1 - _erf_sqrt_half(_near(z))) / 2)


def truncated_std(low: float, high: float) -> float:
    """Return the standard deviation of a standard normal truncated at `low` and `high`."""
    if high - low < NARROW:
        return (high - low) / sqrt(12)
    with localcontext(prec=DIGITS):
        a, b = Decimal(_near(low)), Decimal(_near(high))
        mass = (_erf_sqrt_half(_near(high)) - _erf_sqrt_half(_near(low))) / 2
        density_a, density_b = ((-(x * x) / 2).exp() / (2 * _PI).sqrt() for x in (a, b))
        mean = (density_a - density_b) / mass
        variance = 1 + (a * density_a - b * density_b) / mass - mean * mean
        return sqrt(float(variance))


def share_of(count: int, share: float) -> int:
    """Return a share of a count, rounded up; the share is taken as its shortest decimal form."""
    return int((Decimal(repr(share)) * count).to_integral_value(ROUND_CEILING))


def exp(x: float) -> float:
    """Return eˣ, correctly rounded."""
    with localcontext(prec=DIGITS):
        return float(Decimal(x).exp())


def log(x: float) -> float:
    """Return ln x, correctly rounded."""
    with localcontext(prec=DIGITS):
        return float(Decimal(x).ln())


def steps_gap(steps: float) -> float:
    """Return 1 − exp(−1/steps), correctly rounded: the decay per step of a memory that lasts
    `steps`.
    """
    with localcontext(prec=DIGITS):
        return float(1 - (-1 / Decimal(steps)).exp())


def log_uniform_std(low: float, high: float) -> float:
    """Return the standard deviation of ln x, x uniform on [low, high], 0 < low (by parts: ∫ln x,
    ∫ln² x).
    """
    if high - low < NARROW * low:
        return (high - low) / low / sqrt(12)
    with localcontext(prec=DIGITS):
        a, b = Decimal(low), Decimal(high)
        mean = (b * b.ln() - a * a.ln()) / (b - a) - 1
        square = (b * b.ln() ** 2 - a * a.ln() ** 2) / (b - a) - 2 * mean
        return sqrt(float(square - mean * mean))


def logit_uniform_std(units: int) -> float:
    """Return the standard deviation of ln(u/(1 − u)), u uniform on [1/units, 1 − 1/units].

    It is that of a logistic variable truncated at ±ln(units − 1); integrated by parts, with
    1 − σ(b) as a geometric series.
    """
    if units == 2:
        return 0.0
    with localcontext(prec=DIGITS):
        edge, ratio = 1 / Decimal(units), 1 / Decimal(units - 1)
        cut = -ratio.ln()
        half, power, k = _PI * _PI / 12, ratio, 1
        while power > Decimal(10) ** -DIGITS:
            half -= (-1) ** (k + 1) * power * (1 + k * cut) / (k * k)
            power, k = power * ratio, k + 1
        return sqrt(float(2 * (2 * half - edge * cut * cut) / (1 - 2 * edge)))


def _near(z: float) -> float:
    return max(-float(MAX_DEVIATIONS), min(float(MAX_DEVIATIONS), z))


@lru_cache(maxsize=256)
def _erf_sqrt_half(z: float) -> Decimal:
    with localcontext(prec=DIGITS):
        x = Decimal(z) / Decimal(2).sqrt()
        term = total = x
        n = 0
        while abs(term) > Decimal(10) ** -DIGITS:
            n += 1
            term = -term * x * x / n
            total += term / (2 * n + 1)
        return 2 / _PI.sqrt() * total
