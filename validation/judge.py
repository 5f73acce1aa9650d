"""How well figures at step zero predict the outcome of training, in one group.

Figures and gains are ranked over the sixteen starts of a group, and correlated (Spearman).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import log
from statistics import mean, median

from scipy.stats import spearmanr

from stepzero_rnn.diagnostics.ranking import Ranked, ranked, recommended
from stepzero_rnn.diagnostics.rules import Measured
from stepzero_rnn.diagnostics.score import FREE_DECADES
from validation.groups import Group
from validation.results import Results

LEARNS = 0.1
DISTINCT = 0.1  # gains that differ by more are different outcomes
FAILED = 0.25  # of the group's best gain
LEAST = 1e-30

Values = Mapping[str, float]  # by start


@dataclass(frozen=True, slots=True)
class Judged:
    """A group with the gain of every start, also by seed, and its figures: medians over seeds."""

    group: Group
    gains: Values
    gains_by_seed: Sequence[Values]
    figures: Mapping[str, Values]

    @property
    def best_gain(self) -> float:
        return max(self.gains.values())

    @property
    def learning(self) -> int:
        """How many starts learn."""
        return sum(gain >= LEARNS for gain in self.gains.values())

    @property
    def best_quarter(self) -> list[str]:
        return sorted(self.gains, key=lambda start: -self.gains[start])[: len(self.gains) // 4]

    def has_failed(self, start: str) -> bool:
        return self.gains[start] < FAILED * self.best_gain

    def measured(self, start: str) -> Measured:
        """Return what the rules look at."""
        figures = self.figures
        overflows = bool(figures["overflows"][start])
        return Measured(
            figures["echo"][start],
            figures["log10_reach"][start],
            overflows,
            figures["retention"][start],
        )

    def repeatability(self) -> float:
        """Return the rank correlation of one seed's gains with the mean of the others'."""
        each = []
        for place, own in enumerate(self.gains_by_seed):
            others = [seed for at, seed in enumerate(self.gains_by_seed) if at != place]
            rest = {start: mean(seed[start] for seed in others) for start in own}
            each.append(correlation(own, rest))
        return mean(each)


Predictor = Callable[[Judged], Values]


def judged(group: Group, results: Results) -> Judged:
    """Read the results of a group.

    The gain of a start is the mean over seeds at the better of the two learning rates.
    """
    starts = results["starts"]
    best = {start: max(row["gains"].values(), key=mean) for start, row in starts.items()}
    seeds = range(len(next(iter(best.values()))))
    names = next(iter(starts.values()))["figures"]
    return Judged(
        group,
        gains={start: mean(gains) for start, gains in best.items()},
        gains_by_seed=[{start: gains[seed] for start, gains in best.items()} for seed in seeds],
        figures={
            name: {start: median(row["figures"][name]) for start, row in starts.items()}
            for name in names
        },
    )


def correlation(one: Values, other: Values) -> float:
    """Return Spearman's rank correlation over starts."""
    starts = [*other]
    values = [one[start] for start in starts], [other[start] for start in starts]
    if any(len({*each}) == 1 for each in values):
        return 0.0  # all alike: nothing is predicted
    return float(spearmanr(*values).statistic)


def score_of(one: Judged) -> Values:
    """Return the score of every start."""
    return {start: one.measured(start).score for start in one.gains}


def _without_retention(one: Judged) -> Values:
    return {
        start: score - one.figures["retention"][start] for start, score in score_of(one).items()
    }


def _reach(one: Judged) -> Values:
    reach = one.figures["log10_reach"]
    return {start: -max(abs(reach[start]) - FREE_DECADES, 0) for start in one.gains}


def _figure(name: str, sign: int = 1) -> Predictor:
    return lambda one: {start: sign * one.figures[name][start] for start in one.gains}


def _distance_from_one(name: str) -> Predictor:
    return lambda one: {s: -abs(log(max(one.figures[name][s], LEAST))) for s in one.gains}


PREDICTORS: Mapping[str, Predictor] = {
    "score": score_of,
    "score without retention": _without_retention,
    "echo, three lags": _figure("echo"),
    "echo at L": _figure("echo_at_length"),
    "gradient reach, near 1": _reach,
    "spectral radius of the Jacobian, near 1": _distance_from_one("spectral_radius"),
    "growth of the gradient per step, near 1": _distance_from_one("growth_per_step"),
    "spread of the state over sequences": _figure("unit_spread"),
    "root mean square of the state": _figure("state_rms"),
    "distinctness": _figure("distinctness"),
    "few saturated units": _figure("saturated_units", -1),
}


def pairs_right(one: Judged, predictor: Predictor) -> tuple[float, int]:
    """Return how many pairs with distinct gains the predictor orders rightly, and their number.

    A pair that it cannot tell apart counts as a half.
    """
    predicted, right, number = predictor(one), 0.0, 0
    for a, b in combinations(one.gains, 2):
        difference = one.gains[a] - one.gains[b]
        if abs(difference) > DISTINCT:
            number += 1
            agreement = (predicted[a] - predicted[b]) * difference
            right += 0.5 if agreement == 0 else agreement > 0
    return right, number


def order_of(one: Judged) -> list[Ranked]:
    """Return the starts in the order in which they are recommended."""
    figures = one.figures
    return ranked(
        [
            Ranked(
                start,
                figures["echo"][start],
                figures["echo_at_length"][start],
                figures["log10_reach"][start],
                retention=figures["retention"][start],
                is_excluded=figures["overflows"][start] > 0 or figures["log10_reach"][start] > 4,
            )
            for start in one.gains
        ]
    )


def recommendation(one: Judged) -> dict[str, float]:
    """Return the shares of the best gain that one gets by trying what is recommended."""
    best, order = one.best_gain, order_of(one)
    three_gain = max(one.gains[start.label] for start in recommended(order))
    gains = list(one.gains.values())
    shares = {
        "first": one.gains[order[0].label],
        "best_of_three": three_gain,
        "pytorch": one.gains["pytorch"],
        "random": mean(gains),
        "best_of_three_random": mean(map(max, combinations(gains, 3))),
    }
    found = {name: gain / best for name, gain in shares.items()}
    return {**found, "best_is_among_three": float(three_gain == best)}
