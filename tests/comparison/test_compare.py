"""A comparison has the medians of the diagnostics over the seeds, and what they mean."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from statistics import median
from typing import Any

import pytest

import stepzero_rnn
from stepzero_rnn.comparison.cost import cost_of_starts
from stepzero_rnn.comparison.csv_text import as_csv
from stepzero_rnn.comparison.requests import ComparisonRequest
from stepzero_rnn.comparison.results import Comparison, Row
from stepzero_rnn.comparison.starts import starts_of
from stepzero_rnn.errors import InvalidSpec, TooMuchWork
from stepzero_rnn.pipeline.limits import Limits
from stepzero_rnn.spec.network_spec import NetworkSpec
from stepzero_rnn.spec.parse import parse
from stepzero_rnn.spec.recipe import decode_recipe
from tests.comparison.asking import GRU, LSTM, QUICK, STARTS, TWO, WRONG, WRONG_STARTS

SEEDS = [4, 1, 9, 2]
INFINITE: Mapping[str, Any] = {"scheme": "normal", "std": 1e6}  # beyond float16


@pytest.fixture(scope="module")
def compared() -> Comparison:
    return stepzero_rnn.compare(LSTM, STARTS, seeds=SEEDS, seq_len=20)


def row_of(found: Comparison, label: str) -> Row:
    return next(row for row in found.rows if row.label == label)


@pytest.mark.parametrize("label", STARTS)
def test_figures_are_medians_of_the_diagnostics_of_each_seed(
    compared: Comparison, label: str
) -> None:
    each = [
        stepzero_rnn.diagnose(
            {**LSTM, "init": STARTS[label], "seed": seed},
            seq_len=20,
            figures=["echo", "gradient", "signal"],
        )
        for seed in SEEDS
    ]
    figures = row_of(compared, label).figures
    echoes = [one.echo.mean for one in each if one.echo]
    reaches = [one.gradient.log10_reach or 0 for one in each if one.gradient]
    states = [one.signal.cells[-1].state_rms[-1] or 0 for one in each if one.signal]

    assert figures["echo"].median == pytest.approx(median(echoes), abs=1e-4)
    assert (figures["echo"].min, figures["echo"].max) == pytest.approx(
        (min(echoes), max(echoes)), abs=1e-4
    )
    assert figures["log10_reach"].median == pytest.approx(median(reaches), rel=1e-4)
    assert figures["state_rms"].median == pytest.approx(median(states), rel=1e-4)
    assert {"echo_at_20", "echo_at_10", "echo_at_5", "growth_per_step"} < figures.keys()


def test_rows_are_in_the_order_of_the_starts_with_recipes_of_the_first_seed(
    compared: Comparison,
) -> None:
    assert [row.label for row in compared.rows] == [*STARTS]
    for row in compared.rows:
        spec = decode_recipe(row.recipe)
        assert spec.seed == SEEDS[0]
        assert row.url == f"/v1/checkpoints/{row.recipe}"
        assert spec == stepzero_rnn.Spec(**LSTM, init=row.init, seed=SEEDS[0])


def test_starts_may_be_listed_and_the_network_a_record(compared: Comparison) -> None:
    again = stepzero_rnn.compare(NetworkSpec(**LSTM), TWO, seeds=SEEDS, seq_len=20)

    assert again.rows == compared.rows


def test_findings_are_those_of_the_median_figures() -> None:
    starts = {"small": {"scheme": "normal", "std": 0.01}, "orthogonal": "orthogonal"}
    found = stepzero_rnn.compare(GRU, starts, seq_len=40, level="quick")
    small = row_of(found, "small")

    names = [finding.name for finding in small.findings]
    assert "vanishing_gradient" in names
    severities = [finding.severity for finding in small.findings]
    assert severities == sorted(severities, key=["error", "warning", "note", "good"].index)
    (score,) = {finding.figures.get("score") for finding in small.findings} - {None}
    assert score == small.figures["score"].median


def test_an_echo_below_half_of_the_largest_is_noted() -> None:
    starts: dict[str, Any] = {
        "forget 3": {"bias": {"scheme": "forget", "value": 3}},
        "pytorch": "pytorch",
    }
    starts["forget -2"] = {"bias": {"scheme": "forget", "value": -2}}
    found = stepzero_rnn.compare(GRU, starts, seq_len=3, level="quick")
    echoes = [row.figures["echo_at_3"].median or 0 for row in found.rows]
    flagged = ["faint_echo" in {finding.name for finding in row.findings} for row in found.rows]

    assert flagged == [True, False, False]
    assert [echo < max(echoes) / 2 for echo in echoes] == flagged


def test_a_start_without_finite_weights_is_left_out_and_the_others_are_measured() -> None:
    starts = {"infinite": INFINITE, **STARTS}
    found = stepzero_rnn.compare({**LSTM, "dtype": "float16"}, starts, **QUICK)

    assert [row.label for row in found.rows] == [*STARTS]
    (omitted,) = found.omitted
    assert omitted.label == "infinite"
    assert "accept_nonfinite" in omitted.reason


def test_figures_that_overflow_are_null_and_the_start_is_flagged() -> None:
    network = {**LSTM, "dtype": "float16", "accept_nonfinite": True}
    found = stepzero_rnn.compare(network, {"infinite": INFINITE, **STARTS}, **QUICK)
    row = row_of(found, "infinite")

    assert row.figures["log10_reach"].median is None
    assert row.figures["score"].median == -7.5
    assert [finding.name for finding in row.findings][:1] == ["overflow"]
    assert found.omitted == []


def test_progress_is_called_before_each_start() -> None:
    seen: list[tuple[int, int, str]] = []
    stepzero_rnn.compare(
        GRU, STARTS, progress=lambda *at: seen.append(at), seeds=[0], level="quick", seq_len=5
    )

    assert seen == [(0, 2, "pytorch"), (1, 2, "long memory")]


@pytest.mark.parametrize("case", WRONG | WRONG_STARTS)
def test_wrong_fields_are_refused_where_they_are(case: str) -> None:
    fields, pointer, code = (WRONG | WRONG_STARTS)[case]

    with pytest.raises(InvalidSpec) as refused:
        stepzero_rnn.compare(GRU, **{"starts": TWO, **fields})

    (error,) = refused.value.facts["errors"]
    assert (error["pointer"], error["code"]) == (pointer, code)


@pytest.mark.parametrize(
    ("network", "pointer"),
    [
        ({**GRU, "hidden_size": 0}, "/network/hidden_size"),
        ({**GRU, "init": "keras"}, "/network/init"),
        ({**GRU, "seed": 1}, "/network/seed"),
        ({**GRU, "proj_size": 2}, "/network/proj_size"),
        ("gru", "/network"),
    ],
)
def test_a_wrong_network_is_refused_where_it_is(network: Any, pointer: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        stepzero_rnn.compare(network, TWO)

    (error,) = refused.value.facts["errors"]
    assert error["pointer"] == pointer


def test_every_wrong_start_is_listed() -> None:
    starts = {"a": "chrono_forget_only", "b": {"weight_ih": "identity"}, "c": "keras"}
    fine = {"a": {"weight_ih": "henaff_rotation"}, "b": {"weight_hh": "np_rnn"}, "c": "keras"}

    for wrong in (starts, fine):
        with pytest.raises(InvalidSpec) as refused:
            stepzero_rnn.compare(GRU, wrong)
        places = [error["pointer"] for error in refused.value.facts["errors"]]
        assert {place.split("/")[2] for place in places} <= {"0", "1"}
        assert "0" in {place.split("/")[2] for place in places}


def request(**fields: Any) -> ComparisonRequest:
    return parse(ComparisonRequest, {"network": dict(LSTM), "starts": TWO, **fields})


def test_the_cost_is_the_sum_of_all_starts_with_every_seed_and_the_memory_of_the_largest() -> None:
    def cost(**fields: Any) -> tuple[int, int]:
        asked = request(**fields)
        return cost_of_starts(asked, starts_of(asked), Limits.none())

    memory, work = cost(seeds=[0])
    assert cost(seeds=[0, 5, 7]) == (memory, 3 * work)
    doubled = [*TWO, *({**start, "label": f"{start['label']} 2"} for start in TWO)]
    assert cost(seeds=[0], starts=doubled) == (memory, 2 * work)


def test_what_all_starts_take_together_is_limited_before_anything_is_drawn() -> None:
    asked = request(seeds=[*range(16)])
    starts = starts_of(asked)
    _, work = cost_of_starts(asked, starts, Limits.none())

    with pytest.raises(TooMuchWork, match="seeds"):
        cost_of_starts(asked, starts, Limits(multiply_adds=work - 1))
    cost_of_starts(asked, starts, Limits(multiply_adds=work))


def test_csv_has_a_line_per_start(compared: Comparison) -> None:
    found = stepzero_rnn.compare(
        {**LSTM, "dtype": "float16"}, {"infinite": INFINITE, **STARTS}, **QUICK
    )
    for one, labels in ((compared, [*STARTS]), (found, [*STARTS, "infinite"])):
        lines = lines_of(one)

        assert [line["label"] for line in lines] == labels
        for line, row in zip(lines, one.rows, strict=False):
            assert float(line["score_median"]) == row.figures["score"].median
            assert float(line["echo_max"]) == row.figures["echo"].max
            assert line["findings"].split() == [finding.name for finding in row.findings]
            assert line["recipe"] == row.recipe
    last = lines_of(found)[-1]
    assert (last["omitted"], last["score_median"]) == (found.omitted[0].reason, "")


def lines_of(found: Comparison) -> list[dict[str, str]]:
    return [*csv.DictReader(io.StringIO(as_csv(found)))]
