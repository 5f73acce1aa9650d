"""Findings in words: the rules that hold, what is not as asked, and what to try instead."""

from __future__ import annotations

from collections.abc import Iterable

from stepzero_rnn.diagnostics.candidates import candidates_for
from stepzero_rnn.diagnostics.display import finite
from stepzero_rnn.diagnostics.evidence import evidence_of
from stepzero_rnn.diagnostics.results import Finding, Suggestion
from stepzero_rnn.diagnostics.rules import SEVERITIES, Measured, Rule, met
from stepzero_rnn.diagnostics.weight_results import ExpectedFigures
from stepzero_rnn.spec.canonical import canonical
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.recipe import encode_recipe

MAX_SUGGESTIONS = 3


def findings_of(
    spec: Spec,
    dependency_length: int,
    measured: Measured | None,
    expected: ExpectedFigures | None,
) -> list[Finding]:
    """Return the findings about a start, errors first."""
    starts = candidates_for(spec, dependency_length)
    found = [_differing(expected)] if expected and expected.failed else []
    if measured:
        found += [_finding(spec, rule, measured, starts) for rule in met(measured)]
    return sorted(found, key=lambda one: SEVERITIES.index(one.severity))


def _finding(spec: Spec, rule: Rule, measured: Measured, starts: dict[str, Spec]) -> Finding:
    suggested = (label for label in rule.candidates if label in starts)
    return Finding(
        name=rule.name,
        severity=rule.severity,
        text=rule.text,
        figures={
            "echo": finite(measured.echo),
            "log10_reach": finite(measured.log10_reach),
            "score": finite(measured.score),
        },
        threshold=rule.threshold,
        evidence=evidence_of(rule.name),
        source=rule.source,
        suggestions=suggestions(spec, ((label, starts[label]) for label in suggested)),
    )


def suggestions(spec: Spec, starts: Iterable[tuple[str, Spec]]) -> list[Suggestion]:
    """Return links to other starts than the given one."""
    own = encode_recipe(spec)
    each = (_suggestion(label, start) for label, start in starts)
    return [one for one in each if one.recipe != own][:MAX_SUGGESTIONS]


def _suggestion(label: str, start: Spec) -> Suggestion:
    recipe = encode_recipe(start)
    init = canonical(start).get("init", "pytorch")
    return Suggestion(label, init, recipe, f"/v1/checkpoints/{recipe}")


def _differing(expected: ExpectedFigures) -> Finding:
    return Finding(
        name="not_as_expected",
        severity="error",
        text="Weights differ from what the schemes promise; `weights` has the rows that fail.",
        figures={"failed": float(expected.failed)},
        threshold="any row of `weights` fails",
        evidence=None,
        source="The law of each scheme, with tolerances derived from the number of elements.",
        suggestions=[],
    )
