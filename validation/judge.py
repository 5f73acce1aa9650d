"""How well figures at step zero predict the outcome of training.

Within a group, figures and gains are ranked over the sixteen starts (Spearman); correlations are
averaged over groups, with bootstrapped 95 % intervals over groups.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import isfinite, log
from statistics import mean, median
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from stepzero_rnn.diagnostics.ranking import Ranked, ranked, recommended
from stepzero_rnn.diagnostics.rules import RULES, Measured
from stepzero_rnn.diagnostics.score import FREE_DECADES
from validation.groups import Group

LEARNS, MIN_LEARNING = 0.1, 4
DISTINCT = 0.1  # gains that differ by more are different outcomes
FAILED = 0.25  # of the group's best gain
BOOTSTRAPS = 2000
CHRONO = "chrono"

Values = Mapping[str, float]  # by start


@dataclass(frozen=True, slots=True)
class Judged:
    """A group with the gain of every start, and its figures: medians over seeds."""

    group: Group
    gains: Values
    gains_by_seed: Sequence[Values]
    figures: Mapping[str, Values]
    overflowing: frozenset[str]

    @property
    def learning(self) -> int:
        """How many starts learn."""
        return sum(gain >= LEARNS for gain in self.gains.values())

    @property
    def best_quarter(self) -> list[str]:
        return sorted(self.gains, key=lambda start: -self.gains[start])[: len(self.gains) // 4]

    def measured(self, start: str) -> Measured:
        """Return what the rules look at."""
        figures = self.figures
        return Measured(
            figures["echo"][start],
            figures["log10_reach"][start],
            start in self.overflowing,
        )

    def correlation(self, predictor: Callable[[Judged], Values]) -> float:
        """Return the rank correlation of a predictor with the gains."""
        return _correlation(predictor(self), self.gains)

    def repeatability(self) -> float:
        """Return the rank correlation of one seed's gains with the mean of the others'."""
        each = []
        for place, own in enumerate(self.gains_by_seed):
            others = [seed for at, seed in enumerate(self.gains_by_seed) if at != place]
            rest = {start: mean(seed[start] for seed in others) for start in own}
            each.append(_correlation(own, rest))
        return mean(each)


def judged(group: Group, results: Mapping[str, Any]) -> Judged:
    """Read the results of a group.

    The gain of a start is the mean over seeds at the better of the two learning rates.
    """
    gains, by_seed = {}, [dict[str, float]() for _ in range(3)]
    for start, seeds in results["gains"].items():
        rates = next(iter(seeds.values()))
        means = {rate: mean(seed[rate] for seed in seeds.values()) for rate in rates}
        best = max(means, key=lambda rate: means[rate])
        gains[start] = means[best]
        for place, seed in enumerate(seeds.values()):
            by_seed[place][start] = seed[best]
    figures: dict[str, dict[str, float]] = {}
    overflowing = set()
    for start, seeds in results["figures"].items():
        for name in next(iter(seeds.values())):
            values = [seed[name] for seed in seeds.values() if name in seed]
            figures.setdefault(name, {})[start] = median(map(float, values))
        if figures["overflows"][start]:
            overflowing.add(start)
    return Judged(group, gains, by_seed, figures, frozenset(overflowing))


def _correlation(one: Values, other: Values) -> float:
    starts = [*other]
    found = spearmanr([one[s] for s in starts], [other[s] for s in starts]).statistic
    return float(found) if isfinite(found) else 0.0  # all alike: nothing is predicted


def score_of(one: Judged) -> Values:
    """Return the score of every start."""
    return {start: one.measured(start).score for start in one.gains}


def _reach(one: Judged) -> Values:
    return {
        start: -max(abs(value) - FREE_DECADES, 0)
        for start, value in one.figures["log10_reach"].items()
    }


def _figure(name: str, sign: int = 1) -> Callable[[Judged], Values]:
    return lambda one: {s: sign * one.figures[name].get(s, 0.0) for s in one.gains}


def _distance_from_one(name: str) -> Callable[[Judged], Values]:
    def values(one: Judged) -> Values:
        found = one.figures.get(name, {})
        return {s: -abs(log(max(found.get(s, 0.0), 1e-30))) for s in one.gains}

    return values


PREDICTORS: Mapping[str, Callable[[Judged], Values]] = {
    "score": score_of,
    "echo, three lags": _figure("echo"),
    "echo at L": _figure("echo_at_length"),
    "gradient reach": _reach,
    "spectral radius of the Jacobian near 1": _distance_from_one("spectral_radius"),
    "gradient growth near 1": _distance_from_one("growth_per_step"),
    "spread of the state": _figure("unit_spread"),
    "norm of the state": _figure("state_rms"),
    "distinctness": _figure("distinctness"),
    "few saturated units": _figure("saturated_units", -1),
}


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean, and a bootstrapped 95 % interval over groups."""
    rng = np.random.default_rng(0)
    drawn = rng.choice(np.asarray(values), (BOOTSTRAPS, len(values))).mean(1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return mean(values), float(low), float(high)


def pairs_right(one: Judged, predictor: Callable[[Judged], Values]) -> tuple[int, int]:
    """Return how many pairs with distinct gains the predictor orders rightly, and their number."""
    predicted, right, all_pairs = predictor(one), 0.0, 0
    for a, b in combinations(one.gains, 2):
        if abs(one.gains[a] - one.gains[b]) > DISTINCT:
            all_pairs += 1
            order = (predicted[a] - predicted[b]) * (one.gains[a] - one.gains[b])
            right += 0.5 if order == 0 else order > 0
    return int(right), all_pairs


def recommendation(one: Judged) -> dict[str, float]:
    """Return the shares of the best gain that one gets by trying what is recommended."""
    group, figures = one.group, one.figures
    starts = [
        Ranked(
            start,
            figures["echo"][start],
            figures["echo_at_length"][start],
            figures["log10_reach"][start],
            is_chrono=CHRONO in start,
            is_excluded=start in one.overflowing or figures["log10_reach"][start] > 4,
        )
        for start in one.gains
    ]
    order = ranked(starts)
    kind = group.kind if group.kind in ("lstm", "gru") else "rnn"
    three = recommended(order, kind, group.dependency_length)
    best = max(one.gains.values())
    gains = sorted(one.gains.values())
    return {
        "first": one.gains[order[0].label] / best,
        "best_of_three": max(one.gains[start.label] for start in three) / best,
        "pytorch": one.gains["pytorch"] / best,
        "random": mean(gains) / best,
        "best_of_three_random": mean(max(c) for c in combinations(gains, 3)) / best,
        "best_is_among_three": float(max(one.gains[s.label] for s in three) == best),
    }


def finding_rates(groups: Sequence[Judged]) -> dict[str, dict[str, int]]:
    """Return, for every rule, how many starts it flags, and how they fared."""
    rates = {}
    for rule in RULES:
        flagged = [
            (one, start)
            for one in groups
            for start in one.gains
            if rule.is_met(one.measured(start))
        ]
        rates[rule.name] = {
            "flagged": len(flagged),
            "failed": sum(one.gains[s] < FAILED * max(one.gains.values()) for one, s in flagged),
            "in_best_quarter": sum(s in one.best_quarter for one, s in flagged),
        }
    return rates
