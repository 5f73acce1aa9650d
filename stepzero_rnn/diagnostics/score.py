"""The score that combines echo and gradient reach.

`score = echo − 0.05·max(|log₁₀ G_L| − 0.5, 0)`, where G_L is the gradient reach at the dependency
length L.  For LSTMs with L ≥ 50, retention is added: the share of the cell states that lasts L
steps, as the forget gate's biases imply.  Echo undervalues starts with input gates of 1/L, whose
traces are faint but last.  The score orders starts of one network at one L; across networks it
means nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

WINDOW = 3  # steps of input that are read back
FREE_DECADES, COST_OF_A_DECADE = 0.5, 0.05
OVERFLOW_LOG10, OVERFLOW_SCORE = 150.0, -7.5
RETAINING_FROM = 50  # the dependency length
TIED = 0.03  # scores this close are ties: over seeds, their median standard deviation is 0.02


def lags(dependency_length: int, count: int = 3) -> tuple[int, ...]:
    """Return the lags at which echo is measured: L, L/2 and L/4, the first `count` of them.

    Dependencies of up to three steps have one lag.
    """
    if dependency_length <= WINDOW:
        return (dependency_length,)
    each = (dependency_length, *(max(WINDOW, dependency_length // part) for part in (2, 4)))
    return tuple(dict.fromkeys(each[:count]))


def reach_at(log10_by_step: Sequence[float], dependency_length: int) -> float:
    """Return log₁₀ G_L: the mean over the first max(1, L/20) steps after T − L.

    Args:
        log10_by_step: log₁₀ G_t for t = 0 … T − 1.
    """
    first = len(log10_by_step) - dependency_length
    steps = log10_by_step[first : first + max(1, dependency_length // 20)]
    return sum(steps) / len(steps)


def has_retention(rnn_type: str, dependency_length: int) -> bool:
    """Whether retention is a part of the score."""
    return rnn_type == "lstm" and dependency_length >= RETAINING_FROM


def score(echo: float, log10_reach: float, retention: float = 0.0) -> float:
    """Return the score; one at which anything overflows is −7.5."""
    if not (isfinite(echo) and isfinite(log10_reach)):
        return OVERFLOW_SCORE
    return echo + retention - COST_OF_A_DECADE * max(abs(log10_reach) - FREE_DECADES, 0.0)
