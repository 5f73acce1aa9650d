"""The order in which starts are recommended, and which three to try."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stepzero_rnn.diagnostics.score import TIED, score

RECOMMENDED = 3


@dataclass(frozen=True, slots=True)
class Ranked:
    """A start with the medians of its figures over seeds.

    `is_excluded` marks starts whose states overflow or whose gradients explode, which come last and
    are never recommended.
    """

    label: str
    echo: float
    echo_at_length: float
    log10_reach: float
    is_excluded: bool = False
    retention: float = 0.0

    @property
    def score(self) -> float:
        return score(self.echo, self.log10_reach, self.retention)


def ranked(starts: Sequence[Ranked]) -> list[Ranked]:
    """Return starts in order: by score, ties by echo at the dependency length, then by reach.

    A tie is a chain of starts each of which scores at most 0.03 below the first of the chain.
    """
    ordered = sorted(starts, key=lambda one: (one.is_excluded, -one.score))
    found: list[Ranked] = []
    while ordered:
        best = ordered[0]
        tie = [one for one in ordered if is_tied(one, best)]
        ordered = ordered[len(tie) :]
        found += sorted(tie, key=lambda one: (-one.echo_at_length, abs(one.log10_reach)))
    return found


def is_tied(one: Ranked, other: Ranked) -> bool:
    """Whether the scores of two starts cannot be told apart."""
    return one.is_excluded == other.is_excluded and abs(one.score - other.score) <= TIED


def recommended(order: Sequence[Ranked]) -> list[Ranked]:
    """Return the three starts to try, from starts in order."""
    return [one for one in order if not one.is_excluded][:RECOMMENDED]
