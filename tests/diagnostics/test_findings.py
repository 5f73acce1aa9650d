"""Findings say what the figures mean, and only what the validation bears out."""

from __future__ import annotations

import pytest

import stepzero_rnn
from stepzero_rnn.diagnostics.candidates import CANDIDATES, candidates_for
from stepzero_rnn.diagnostics.rules import RULES, SEVERITIES, Measured, met
from stepzero_rnn.spec.recipe import as_spec, decode_recipe
from tests.diagnostics.networks import NETWORKS, figures, spec_of

EXAMPLES = {
    "overflow": Measured(0.5, 1.0, overflows=True),
    "exploding_gradient": Measured(0.5, 4.5),
    "growing_gradient": Measured(0.5, 3.0),
    "vanishing_gradient": Measured(0.01, -9.0),
    "no_echo": Measured(0.01, -5.0),
    "weak_gradient": Measured(0.3, -5.0),
    "out_of_reach": Measured(0.1, -14.0),
    "within_reach": Measured(0.5, 0.0),
}


def names(measured: Measured) -> set[str]:
    return {rule.name for rule in met(measured)}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_has_an_example_and_no_other_error_says_the_opposite(rule) -> None:
    found = names(EXAMPLES[rule.name])

    assert rule.name in found
    assert rule.severity in SEVERITIES
    if rule.severity == "good":
        assert all(other.severity == "good" for other in met(EXAMPLES[rule.name]))


def test_a_vanishing_gradient_alone_is_no_error() -> None:
    # The best starts of long tasks have reaches down to 1e-14.
    found = met(Measured(echo=0.4, log10_reach=-8.5))

    assert {rule.name for rule in found} == {"weak_gradient"}
    assert {rule.severity for rule in found} == {"note"}


def test_nothing_is_found_about_a_start_that_is_in_between() -> None:
    assert names(Measured(echo=0.1, log10_reach=-3.5)) == set()


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda one: f"{one.label}-{one.kinds[0]}")
def test_every_candidate_that_is_offered_can_be_built(name: str, candidate) -> None:
    spec = as_spec(spec_of(name))
    offered = candidates_for(spec, 20)

    if candidate.label in offered:
        start = offered[candidate.label]
        assert stepzero_rnn.plan(start).parameters == stepzero_rnn.plan(spec).parameters
        assert (start.seed, start.dtype) == (spec.seed, spec.dtype)


def test_networks_without_restrictions_have_every_candidate_of_their_kind() -> None:
    for name in ("lstm", "gru", "tanh", "relu"):
        expected = {one.label for one in CANDIDATES if name in one.kinds}

        assert candidates_for(as_spec(spec_of(name)), 20).keys() == expected


def test_suggestions_are_recipes_of_the_same_network_and_not_the_start_itself() -> None:
    spec = {**spec_of("lstm"), "init": "keras"}
    finding = figures(spec, seq_len=200).findings[0]

    assert finding.name == "vanishing_gradient"
    assert 1 <= len(finding.suggestions) <= 3
    for suggestion in finding.suggestions:
        start = decode_recipe(suggestion.recipe)
        assert start.model_copy(update={"init": "keras"}) == as_spec(spec)
        assert suggestion.url == f"/v1/checkpoints/{suggestion.recipe}"
        chosen = stepzero_rnn.diagnose(start, seq_len=200, level="quick")
        assert suggestion.recipe not in {
            again.recipe for found in chosen.findings for again in found.suggestions
        }


def test_the_suggested_chrono_start_is_better_at_the_length_it_was_suggested_for() -> None:
    spec = {"rnn_type": "lstm", "input_size": 4, "hidden_size": 32}
    before = figures(spec, seq_len=100)
    suggested = before.findings[0].suggestions[0]

    after = figures(suggested.recipe, seq_len=100)  # type: ignore[arg-type]

    assert suggested.label == "chrono L"
    assert before.score is not None
    assert after.score is not None
    assert after.score > before.score + 0.3


def test_retention_counts_for_long_dependencies_of_lstms() -> None:
    chrono = {"weight_hh": "orthogonal", "bias": {"scheme": "chrono", "t_max": 60}}
    found = figures({**spec_of("lstm"), "init": chrono}, seq_len=60)
    assert found.echo
    assert found.gradient
    assert found.retention

    both = Measured(found.echo.mean, found.gradient.log10_reach or 0.0).score

    assert found.score == pytest.approx(both + found.retention, abs=1e-4)


def test_a_score_needs_both_figures() -> None:
    only = figures(spec_of("lstm"), figures=["echo"])

    assert only.score is None
    assert only.gradient is None
    assert only.findings == []


@pytest.mark.parametrize(
    ("name", "outside"),
    [
        ("deep", "more than two layers"),
        ("bidirectional", "two directions"),
        ("projected", "projection"),
    ],
)
def test_networks_outside_the_validation_are_marked(name: str, outside: str) -> None:
    found = figures(spec_of(name), level="quick")

    assert not found.is_validated
    assert outside in found.validity
    assert figures(spec_of("lstm"), level="quick").is_validated
