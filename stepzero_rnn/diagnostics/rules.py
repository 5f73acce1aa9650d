"""The findings: what echo, gradient reach and score mean for training, rule by rule.

A vanishing gradient alone is no fault: many of the best starts have one, because the inputs of a
task are not standard normal, and training lengthens memory within tens of steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from stepzero_rnn.diagnostics.results import Severity
from stepzero_rnn.diagnostics.score import score

PASCANU = "Pascanu et al. 2013, arXiv:1211.5063"
GILBOA = "Gilboa et al. 2019, arXiv:1901.08987"
CHEN = "Chen et al. 2018, arXiv:1806.05394"


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures that the rules look at: echo, log₁₀ of the reach, whether states overflow, and
    retention, which is 0 if it is not a part of the score.
    """

    echo: float
    log10_reach: float
    overflows: bool = False
    retention: float = 0.0

    @property
    def score(self) -> float:
        return score(self.echo, inf if self.overflows else self.log10_reach, self.retention)

    @property
    def is_vanishing(self) -> bool:
        return self.log10_reach < -8 and self.echo < 0.05


@dataclass(frozen=True, slots=True)
class Rule:
    """A finding: when it holds, and the candidates to try instead."""

    name: str
    severity: Severity
    threshold: str
    is_met: Callable[[Measured], bool]
    text: str
    source: str
    candidates: tuple[str, ...] = ()


_LONGER = ("chrono L", "forget 3", "forget 1", "orthogonal 1.2", "rotation", "identity")
_SMALLER = ("orthogonal", "radius 0.99")

RULES: tuple[Rule, ...] = (
    Rule(
        "overflow",
        "error",
        "a state or gradient is not finite, or exceeds the range of the dtype",
        lambda m: m.overflows,
        "States or gradients overflow within the sequence. Training will diverge; use smaller recurrent weights.",
        PASCANU,
        _SMALLER,
    ),
    Rule(
        "exploding_gradient",
        "error",
        "log10_reach > 4",
        lambda m: not m.overflows and m.log10_reach > 4,
        "Gradients grow by more than four orders of magnitude on the way to the inputs that matter.",
        PASCANU,
        _SMALLER,
    ),
    Rule(
        "growing_gradient",
        "warning",
        "2 < log10_reach <= 4",
        lambda m: not m.overflows and 2 < m.log10_reach <= 4,
        "Gradients grow on the way to the inputs that matter. Clip them, or use an orthogonal start.",
        PASCANU,
        _SMALLER,
    ),
    Rule(
        "vanishing_gradient",
        "error",
        "log10_reach < -8 and echo < 0.05",
        lambda m: not m.overflows and m.is_vanishing,
        "Neither the state nor the gradient reaches back to the inputs that matter.",
        f"{CHEN}; {GILBOA}",
        _LONGER,
    ),
    Rule(
        "no_echo",
        "warning",
        "echo < 0.02 and log10_reach < -4",
        lambda m: not m.overflows and not m.is_vanishing and m.echo < 0.02 and m.log10_reach < -4,
        "Inputs of that many steps ago can hardly be read from the state, and the gradient to them is weak.",
        GILBOA,
        _LONGER,
    ),
    Rule(
        "weak_gradient",
        "note",
        "log10_reach < -4",
        lambda m: not m.overflows and not m.is_vanishing and m.log10_reach < -4,
        "The gradient to the inputs that matter is weak. That alone is not a fault: good starts can have one.",
        PASCANU,
        _LONGER,
    ),
    Rule(
        "out_of_reach",
        "error",
        "score < -0.5",
        lambda m: not m.overflows and m.score < -0.5,
        "The two figures together say that this dependency length is out of reach for this start.",
        GILBOA,
        _LONGER,
    ),
    Rule(
        "within_reach",
        "good",
        "score > 0",
        lambda m: m.score > 0,
        "The two figures together say that this dependency length is within reach.",
        GILBOA,
    ),
)
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note", "good")


def met(measured: Measured) -> list[Rule]:
    """Return the rules that hold, in the order of the table."""
    return [rule for rule in RULES if rule.is_met(measured)]
