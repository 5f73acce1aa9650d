"""The result of testing one block against one law."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Rank(IntEnum):
    """How much a law that fits explains.

    An exact structure, which other laws have with probability 0, outranks a distribution; a law
    whose structure is statistical, such as a spread of singular values, comes last.
    """

    SPREAD = 0
    DISTRIBUTION = 1
    CONSTRAINT = 2
    MATRIX = 3
    PATTERN = 4


class Outcome(NamedTuple):
    """A block that fits a law: the p-value of the test, how much the law explains, and the log of
    the likelihood, comparable within a rank.
    """

    p_value: float
    rank: Rank
    log_likelihood: float = 0.0


def combined(p_values: list[float]) -> float:
    """Return one p-value of several tests of the same values (Bonferroni)."""
    return min(1.0, len(p_values) * min(p_values))
