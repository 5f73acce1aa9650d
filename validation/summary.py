"""The judgment over all groups, as data: `stepzero_rnn/diagnostics/validation.json`.

Means over groups have bootstrapped 95 % intervals over groups.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import mean
from typing import Any

import numpy as np

from stepzero_rnn.diagnostics.rules import RULES, Rule
from validation.groups import Group
from validation.judge import (
    PREDICTORS,
    Judged,
    Predictor,
    correlation,
    pairs_right,
    recommendation,
)

MIN_LEARNING = 4  # starts: a group in which fewer learn measures luck
MIN_REPEATABILITY = 0.7
LONG = 50  # steps
BOOTSTRAPS = 2000
WITHOUT = "score without retention"
FAINT, MIN_LARGEST_ECHO = 0.5, 0.05  # as a comparison of starts finds them

Summary = dict[str, Any]
Condition = Callable[[Judged], bool]


def _chosen_on(group: Group) -> bool:
    """Whether the score was chosen on groups of this kind."""
    is_early = group.task in ("local", "digits") or (group.task, group.seq_len) == ("recall", 50)
    is_basic = group.hidden_size == 32 and group.layers == 1
    return is_early and is_basic and group.steps <= 350


def _is_long_lstm(one: Judged) -> bool:
    return one.group.kind == "lstm" and one.group.dependency_length >= LONG


# LSTMs on long tasks on which retention was chosen, by task, length and steps.
_RETENTION_CHOSEN_ON = {
    ("digits", 64, 350),
    ("recall", 50, 300),
    ("recall", 50, 700),
    ("recall", 100, 300),
    ("recall", 100, 700),
    ("adding", 50, 600),
}


def _retention_chosen_on(group: Group) -> bool:
    is_basic = group.hidden_size == 32 and group.layers == 1
    return is_basic and (group.task, group.seq_len, group.steps) in _RETENTION_CHOSEN_ON


SETS: Mapping[str, Condition] = {
    "all groups": lambda _: True,
    "at least 4 starts learn": lambda one: one.learning >= MIN_LEARNING,
    "outcome repeats": lambda one: one.repeatability() >= MIN_REPEATABILITY,
    "score was chosen on these": lambda one: _chosen_on(one.group),
    "held out": lambda one: not _chosen_on(one.group),
    "held out, at least 4 starts learn": lambda one: (
        not _chosen_on(one.group) and one.learning >= MIN_LEARNING
    ),
}
SLICES: Mapping[str, Condition] = {
    "LSTM": lambda one: one.group.kind == "lstm",
    "GRU": lambda one: one.group.kind == "gru",
    "tanh": lambda one: one.group.kind == "tanh",
    "ReLU": lambda one: one.group.kind == "relu",
    "adding": lambda one: one.group.task == "adding",
    "recall": lambda one: one.group.task == "recall",
    "digits": lambda one: one.group.task == "digits",
    "local": lambda one: one.group.task == "local",
    "L = 3": lambda one: one.group.dependency_length == 3,
    "L = 20": lambda one: one.group.dependency_length == 20,
    "L from 50 to 99": lambda one: LONG <= one.group.dependency_length < 2 * LONG,
    "L from 100": lambda one: one.group.dependency_length >= 2 * LONG,
    "LSTM, L from 50": _is_long_lstm,
    "the same, at least 4 starts learn": lambda one: (
        _is_long_lstm(one) and one.learning >= MIN_LEARNING
    ),
    "LSTM, L from 50, retention was chosen on these": lambda one: (
        _is_long_lstm(one) and _retention_chosen_on(one.group)
    ),
    "LSTM, L from 50, held out": lambda one: (
        _is_long_lstm(one) and not _retention_chosen_on(one.group)
    ),
    "hidden size 64": lambda one: one.group.hidden_size == 64,
    "two layers": lambda one: one.group.layers == 2,
}


def summary(groups: Sequence[Judged]) -> Summary:
    """Return everything that texts and tables say about the validation."""
    return {
        "groups": len(groups),
        "starts": sum(len(one.gains) for one in groups),
        "layers": sorted({one.group.layers for one in groups}),
        "sets": _sets(groups, SETS, PREDICTORS),
        "slices": _sets(groups, SLICES, {name: PREDICTORS[name] for name in ("score", WITHOUT)}),
        "recommendation": {
            name: _recommended(chosen)
            for name, condition in SETS.items()
            if (chosen := [one for one in groups if condition(one)])
        },
        "failed": sum(one.has_failed(start) for one in groups for start in one.gains),
        "in_best_quarter": sum(len(one.best_quarter) for one in groups),
        "findings": finding_rates(groups),
    }


def _sets(
    groups: Sequence[Judged],
    sets: Mapping[str, Condition],
    predictors: Mapping[str, Predictor],
) -> dict[str, Any]:
    """Return, by set of groups and predictor, correlation, interval and share of pairs."""
    found = {}
    for name, condition in sets.items():
        chosen = [one for one in groups if condition(one)]
        if chosen:
            each = {label: _predicted(chosen, one) for label, one in predictors.items()}
            found[name] = {"groups": len(chosen), "predictors": each}
    return found


def _predicted(groups: Sequence[Judged], predictor: Predictor) -> dict[str, float]:
    found, low, high = interval([correlation(predictor(one), one.gains) for one in groups])
    counts = [pairs_right(one, predictor) for one in groups]
    right, pairs = sum(right for right, _ in counts), sum(number for _, number in counts)
    return {
        "correlation": round(found, 3),
        "low": round(low, 3),
        "high": round(high, 3),
        "pairs_right": round(right / max(pairs, 1), 3),
        "pairs": pairs,
    }


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean, and a bootstrapped 95 % interval over groups."""
    rng = np.random.default_rng(0)
    drawn = rng.choice(np.asarray(values), (BOOTSTRAPS, len(values))).mean(1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return mean(values), float(low), float(high)


def _recommended(groups: Sequence[Judged]) -> dict[str, float]:
    each = [recommendation(one) for one in groups]
    return {name: round(mean(one[name] for one in each), 3) for name in each[0]}


def finding_rates(groups: Sequence[Judged]) -> dict[str, dict[str, int]]:
    """Return, for every finding, how many starts it flags, and how they fared."""
    rates = {rule.name: _rates(groups, partial(_meets, rule)) for rule in RULES}
    return {**rates, "faint_echo": _rates(groups, _is_faint)}


def _meets(rule: Rule, one: Judged, start: str) -> bool:
    return rule.is_met(one.measured(start))


def _is_faint(one: Judged, start: str) -> bool:
    echoes = one.figures["echo_at_length"]
    largest = max(echoes.values())
    return largest >= MIN_LARGEST_ECHO and echoes[start] < FAINT * largest


def _rates(groups: Sequence[Judged], is_met: Callable[[Judged, str], bool]) -> dict[str, int]:
    flagged = [(one, start) for one in groups for start in one.gains if is_met(one, start)]
    return {
        "flagged": len(flagged),
        "failed": sum(one.has_failed(start) for one, start in flagged),
        "in_best_quarter": sum(start in one.best_quarter for one, start in flagged),
    }
