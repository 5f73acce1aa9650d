"""The judge, on groups whose outcome is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from stepzero_rnn.diagnostics.rules import RULES
from validation.groups import Group
from validation.judge import (
    PREDICTORS,
    correlation,
    judged,
    pairs_right,
    recommendation,
    score_of,
)
from validation.summary import interval, summary

GROUP = Group("lstm", "recall", 50, 300)
ORDER = ("pytorch", "a", "b", "chrono L", "c", "d", "e", "f")
FIGURES = {
    "echo": 0.1, "echo_at_length": 0.1, "log10_reach": 0.0, "growth_per_step": 1.0,
    "state_rms": 0.5, "unit_spread": 0.5, "spectral_radius": 1.0, "saturated_units": 0.0,
    "distinctness": 0.5, "overflows": 0.0, "retention": 0.0,
}  # fmt: skip


def results(
    gains: Sequence[float], echoes: Sequence[float], **others: Mapping[str, float]
) -> dict[str, Any]:
    """Return results with a gain and an echo for each start; further figures by start."""
    starts = {}
    for start, gain, echo in zip(ORDER, gains, echoes, strict=True):
        figures = {**FIGURES, "echo": echo, "echo_at_length": echo, **others.get(start, {})}
        starts[start] = {
            "gains": {"0.002": [0.0] * 3, "0.01": [gain - 0.01, gain, gain + 0.01]},
            "figures": {name: [value] * 3 for name, value in figures.items()},
        }
    return {"starts": starts}


RISING = [0.09 * place for place in range(8)]


class TestAGroup:
    def test_has_the_gain_of_the_better_rate_and_the_median_figure(self) -> None:
        start = {
            "gains": {"0.002": [0.5, 0.6, 0.7], "0.01": [0.9, 0.1, 0.2]},
            "figures": {"echo": [0.1, 0.9, 0.2]},
        }

        one = judged(GROUP, {"starts": {"pytorch": start}})

        assert one.gains["pytorch"] == pytest.approx(0.6)
        assert [seed["pytorch"] for seed in one.gains_by_seed] == [0.5, 0.6, 0.7]
        assert one.figures["echo"]["pytorch"] == 0.2

    def test_whose_scores_rise_with_its_gains_is_predicted_in_full(self) -> None:
        one = judged(GROUP, results(RISING, RISING))

        assert correlation(score_of(one), one.gains) == pytest.approx(1)
        right, pairs = pairs_right(one, score_of)
        assert right == pairs == 28 - 7  # neighbors differ by less than 0.1

    def test_whose_scores_fall_with_its_gains_is_predicted_the_wrong_way(self) -> None:
        one = judged(GROUP, results(RISING, RISING[::-1]))

        assert correlation(score_of(one), one.gains) == pytest.approx(-1)
        assert pairs_right(one, score_of)[0] == 0

    def test_whose_scores_are_alike_is_not_predicted(self) -> None:
        one = judged(GROUP, results(RISING, [0.1] * 8))

        assert correlation(score_of(one), one.gains) == 0
        right, pairs = pairs_right(one, score_of)
        assert right == pairs / 2

    def test_repeats_if_seeds_agree(self) -> None:
        assert judged(GROUP, results(RISING, RISING)).repeatability() == pytest.approx(1)

    @pytest.mark.parametrize("name", PREDICTORS)
    def test_has_a_value_of_every_predictor_for_every_start(self, name: str) -> None:
        one = judged(GROUP, results(RISING, RISING))

        assert {*PREDICTORS[name](one)} == {*ORDER}


class TestTheRecommendation:
    def test_is_worth_what_its_starts_gain(self) -> None:
        one = judged(Group("tanh", "recall", 50, 300), results(RISING, RISING[::-1]))

        found = recommendation(one)

        assert found["first"] == found["pytorch"] == 0
        assert found["best_of_three"] == pytest.approx(0.2 / 0.7)
        assert found["best_is_among_three"] == 0
        assert found["random"] == pytest.approx(0.5)

    def test_has_the_starts_that_retain(self) -> None:
        retaining: dict[str, Mapping[str, float]] = {"chrono L": {"retention": 0.9}}

        found = recommendation(judged(GROUP, results(RISING, RISING[::-1], **retaining)))

        assert found["first"] == found["best_of_three"] == pytest.approx(0.3 / 0.7)

    def test_leaves_out_what_overflows(self) -> None:
        one = judged(GROUP, results(RISING, RISING, f={"overflows": 1.0}))

        assert recommendation(one)["first"] == pytest.approx(0.6 / 0.7)


class TestTheSummary:
    def test_has_rates_for_every_finding(self) -> None:
        one = judged(GROUP, results(RISING, RISING, pytorch={"log10_reach": -20.0}))

        found = summary([one, one])

        assert {*found["findings"]} == {rule.name for rule in RULES} | {"faint_echo"}
        assert found["findings"]["vanishing_gradient"] == {
            "flagged": 2, "failed": 2, "in_best_quarter": 0,
        }  # fmt: skip
        assert found["starts"] == 16
        assert found["failed"] == 4  # less than a quarter of the best: the lowest two
        assert found["in_best_quarter"] == 4

    def test_leaves_out_sets_without_groups(self) -> None:
        found = summary([judged(GROUP, results([0.0] * 7 + [0.5], RISING))])

        assert "at least 4 starts learn" not in found["sets"]
        assert found["sets"]["all groups"]["groups"] == 1

    def test_has_intervals_that_contain_the_mean_and_shrink_to_a_constant(self) -> None:
        middle, low, high = interval([0.1, 0.5, 0.9, 0.7])

        assert low < middle < high
        assert interval([0.5] * 4) == (0.5, 0.5, 0.5)
