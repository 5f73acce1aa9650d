"""How figures appear in results: rounded, finite, and not too many."""

from __future__ import annotations

from stepzero_rnn.summary import Real


def shown_steps(steps: int, most: int) -> list[int]:
    """Return up to `most` evenly spaced steps, the first and the last among them."""
    if steps <= most:
        return [*range(steps)]
    return [round(place * (steps - 1) / (most - 1)) for place in range(most)]


def finite(value: float) -> Real:
    """Return the value with five significant digits; None if it is infinite or NaN."""
    return float(f"{value:.5g}") if value - value == 0 else None
