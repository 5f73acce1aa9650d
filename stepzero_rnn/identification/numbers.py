"""Estimated parameters as people write them: the shortest decimal that the values allow."""

from __future__ import annotations

from math import ceil, floor, isfinite, log10

ROUND_DIGITS = 2  # of a number that somebody chose
DIGITS = 9  # of a number that is estimated exactly


def between(low: float, high: float) -> float:
    """Return the shortest decimal in [low, high]; of equally short ones the middle one."""
    if not (isfinite(low) and isfinite(high)) or low >= high:
        return low
    if low <= 0 <= high:
        return 0.0
    if high < 0:
        return -between(-high, -low)
    first = floor(log10(high))
    for place in range(first, first - DIGITS, -1):
        unit = 10.0**place
        least, most = ceil(low / unit - 1e-9), floor(high / unit + 1e-9)
        if least <= most:
            return float(f"{_roundest(least, most) * unit:.{DIGITS}g}")
    return float(f"{(low + high) / 2:.{DIGITS}g}")


def near(value: float, error: float) -> float:
    """Return the shortest decimal within an error of a value."""
    return between(value - error, value + error) if error > 0 else value


def digits_of(value: float) -> int:
    """Return how many significant digits a number has."""
    return len(f"{value:.{DIGITS}e}".split("e")[0].lstrip("-").replace(".", "").strip("0"))


def _roundest(least: int, most: int) -> int:
    """Return the middle of a range of digits, or 5 if that is inside: 0.05 rather than 0.06."""
    return 5 if least <= 5 <= most else (least + most) // 2
