"""Candidates are ordered by what was measured of them, and three are marked to be tried."""

from __future__ import annotations

from itertools import pairwise

import pytest

import stepzero_rnn
from stepzero_rnn.comparison.results import RankedStart, Recommendation
from stepzero_rnn.diagnostics.ranking import Ranked, ranked, recommended
from stepzero_rnn.errors import InvalidSpec
from tests.comparison.asking import (
    BUILT_IN,
    CHRONO,
    GRU,
    LSTM,
    QUICK,
    RELU,
    WRONG,
    WRONG_CANDIDATES,
)

EXPLODING = {"scheme": "normal", "std": 2.0}


@pytest.fixture(scope="module")
def relu() -> Recommendation:
    return stepzero_rnn.recommend(
        RELU, init="orthogonal", include={"exploding": EXPLODING}, level="quick", seq_len=30
    )


def candidate(found: Recommendation, label: str) -> RankedStart:
    return next(one for one in found.candidates if one.label == label)


def test_the_candidates_are_those_defined_for_the_network_and_ones_own() -> None:
    found = stepzero_rnn.recommend(
        GRU, include={"mine": CHRONO}, exclude=["haiku"], seeds=[0], **QUICK
    )

    assert {one.label for one in found.candidates} == {"mine", *BUILT_IN} - {"haiku"}


def test_a_start_whose_gradients_explode_is_last_without_a_rank(relu: Recommendation) -> None:
    last = relu.candidates[-1]

    assert last.label == "exploding"
    assert last.rank is None
    assert not last.is_recommended
    assert last.tied_with == []
    assert [one.rank for one in relu.candidates[:-1]] == [*range(1, len(relu.candidates))]


def test_candidates_are_ordered_by_score_except_for_ties(relu: Recommendation) -> None:
    ordered = [one for one in relu.candidates if one.rank]
    for better, worse in pairwise(ordered):
        scores = [one.figures["score"].median or 0 for one in (better, worse)]
        assert scores[0] > scores[1] or worse.label in better.tied_with


def test_the_first_three_are_to_be_tried(relu: Recommendation) -> None:
    marked = [one.rank for one in relu.candidates if one.is_recommended]

    assert marked == [1, 2, 3]


def test_ties_are_mutual(relu: Recommendation) -> None:
    pairs = {(one.label, other) for one in relu.candidates for other in one.tied_with}

    assert all((other, one) in pairs for one, other in pairs)


def test_a_long_memory_lstm_has_a_chrono_start_among_the_three() -> None:
    found = stepzero_rnn.recommend(LSTM, level="quick", seq_len=60, seeds=[0])

    tried = [one.label for one in found.candidates if one.is_recommended]
    assert len(tried) == 3
    assert any(label.startswith("chrono") for label in tried)


def test_a_built_in_candidate_that_equals_the_own_start_is_not_repeated() -> None:
    found = stepzero_rnn.recommend(GRU, init="keras", seeds=[0], **QUICK)
    labels = [one.label for one in found.candidates]

    assert "init" in labels
    assert "keras" not in labels
    assert "keras" not in {
        one.label
        for one in stepzero_rnn.recommend(
            GRU, init="keras", exclude=["keras"], seeds=[0], **QUICK
        ).candidates
    }


def test_after_the_time_only_the_measured_ones_are_ranked() -> None:
    found = stepzero_rnn.recommend(GRU, init=CHRONO, max_seconds=1e-9, **QUICK)

    (only,) = found.candidates
    assert (only.label, only.rank, only.is_recommended) == ("init", 1, True)
    assert {one.label for one in found.omitted} == {*BUILT_IN}
    assert all("max_seconds" in one.reason for one in found.omitted)


def test_progress_is_called_before_each_candidate() -> None:
    seen: list[tuple[int, int, str]] = []
    stepzero_rnn.recommend(
        GRU, exclude=BUILT_IN[2:], seeds=[0], progress=lambda *at: seen.append(at), **QUICK
    )

    assert seen == [(0, 2, "pytorch"), (1, 2, "keras")]


def test_networks_without_biases_have_candidates_too() -> None:
    found = stepzero_rnn.recommend({**GRU, "bias": False}, seeds=[0], **QUICK)

    assert {"pytorch", "orthogonal"} <= {one.label for one in found.candidates}
    assert not any(one.label.startswith("chrono") for one in found.candidates)


def test_it_says_what_following_it_was_worth_in_the_validation(relu: Recommendation) -> None:
    assert relu.evidence.startswith("In the validation")
    assert "PyTorch's default" in relu.evidence


@pytest.mark.parametrize("case", WRONG | WRONG_CANDIDATES)
def test_wrong_fields_are_refused_where_they_are(case: str) -> None:
    fields, pointer, code = (WRONG | WRONG_CANDIDATES)[case]

    with pytest.raises(InvalidSpec) as refused:
        stepzero_rnn.recommend(GRU, **fields)

    (error,) = refused.value.facts["errors"]
    assert (error["pointer"], error["code"]) == (pointer, code)


def test_an_unknown_label_is_refused_with_the_known_ones_and_a_suggestion() -> None:
    with pytest.raises(InvalidSpec, match="did you mean 'keras'") as refused:
        stepzero_rnn.recommend(GRU, include={"mine": CHRONO}, exclude=["kers"])

    (error,) = refused.value.facts["errors"]
    assert error["allowed"] == ["mine", *BUILT_IN]


class TestTheOrder:
    """Of starts with given figures."""

    def test_of_ties_follows_the_echo_at_the_length_then_the_reach(self) -> None:
        best = Ranked("best", 0.9, 0.9, 0.0)
        loud = Ranked("loud", 0.50, 0.6, -0.4)
        near = Ranked("near", 0.52, 0.5, -0.1)
        far = Ranked("far", 0.525, 0.5, -0.4)

        order = ranked([near, far, best, loud])

        assert [one.label for one in order] == ["best", "loud", "near", "far"]

    def test_puts_excluded_starts_last(self) -> None:
        fine = Ranked("fine", 0.0, 0.0, -30.0)
        exploding = Ranked("exploding", 0.9, 0.9, 4.5, is_excluded=True)

        assert [one.label for one in ranked([exploding, fine])] == ["fine", "exploding"]
        assert recommended([fine, exploding]) == [fine]

    def test_follows_echo_and_retention_together(self) -> None:
        starts = [Ranked(label, score, score, 0.0) for label, score in (("a", 0.9), ("b", 0.7))]
        lasting = Ranked("lasting", 0.1, 0.1, -2.5, retention=0.7)

        order = ranked([*starts, lasting])

        assert [one.label for one in recommended(order)] == ["a", "b", "lasting"]
        assert lasting.score == pytest.approx(0.1 + 0.7 - 0.05 * 2)

    def test_recommends_the_first_three(self) -> None:
        order = ranked([Ranked(str(place), place, place, 0.0) for place in range(5)])

        assert [one.label for one in recommended(order)] == ["4", "3", "2"]
