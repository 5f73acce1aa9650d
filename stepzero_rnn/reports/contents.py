"""The contents of a report, the same for every format: text, bands of plots, tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from stepzero_rnn.diagnostics.results import Finding
from stepzero_rnn.diagnostics.rules import SEVERITIES
from stepzero_rnn.reports import curves, gates, histograms, spectra, tables, words
from stepzero_rnn.reports.panels import Band, row
from stepzero_rnn.reports.records import SHOWN_CELLS, Measured, shown_layers
from stepzero_rnn.reports.tables import Table

CURVES_HEIGHT = 2.0


@dataclass(frozen=True, slots=True)
class Said:
    """A finding, and the numbers of the starts that it is about if there are several."""

    finding: Finding
    starts: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Contents:
    """A report from top to bottom."""

    title: str
    subtitle: str
    facts: list[tuple[str, str]]
    verdict: str
    findings: list[Said]
    checks: list[str]
    overview: list[Table]
    bands: list[Callable[[], Band]]
    tables: list[Table] = field(default_factory=list)
    recipes: list[tuple[str, str]] = field(default_factory=list)
    footer: str = ""


def contents(starts: Sequence[Measured]) -> Contents:
    """Return the contents of a report about one start, or of a comparison of several."""
    return _one(starts[0]) if len(starts) == 1 else _several(starts)


def _one(start: Measured) -> Contents:
    found = start.diagnostics
    deep = [tables.totals(start)] if start.spec.cells > SHOWN_CELLS else []
    ranges = tables.ranges(start)
    return Contents(
        title=words.title(start.spec),
        subtitle="Initialization report",
        facts=words.facts(start),
        verdict=words.verdict(found),
        findings=[Said(finding) for finding in found.findings],
        checks=[*words.checks(start), found.validity],
        overview=[],
        bands=[
            lambda: row(CURVES_HEIGHT, curves.echo([start]), curves.gradient([start])),
            lambda: row(CURVES_HEIGHT, curves.states(start), gates.gates(start)),
            *_weights(start),
            *(partial(_same, band) for band in spectra.spectra(start)),
        ],
        tables=[*([ranges] if ranges else []), *deep, tables.tensors(start)],
        footer=words.measurement(start),
    )


def _weights(start: Measured) -> list[Callable[[], Band]]:
    directions = (False, True) if start.spec.bidirectional else (False,)
    return [
        partial(histograms.weights, start, layer, reverse=reverse)
        for layer in range(shown_layers(start.spec))
        for reverse in directions
    ]


def _several(starts: Sequence[Measured]) -> Contents:
    first, names = starts[0], words.labels(starts)
    length = first.diagnostics.dependency_length
    return Contents(
        title=words.title(first.spec),
        subtitle=f"Comparison of {len(starts)} starts",
        facts=[],
        verdict=f"Scores are for dependencies of {length} steps: above 0 is within reach, below −0.5 is not.",
        findings=_together(starts),
        checks=[first.diagnostics.validity],
        overview=[tables.starts(starts)],
        bands=[
            lambda: row(CURVES_HEIGHT, curves.echo(starts), curves.gradient(starts)),
            lambda: row(
                CURVES_HEIGHT, curves.states_compared(starts), gates.gates_compared(starts)
            ),
            lambda: histograms.compared(starts),
            *(partial(_same, band) for band in spectra.spectra_compared(starts)),
        ],
        recipes=[(name, one.recipe) for name, one in zip(names, starts, strict=True)],
        footer=words.measurement(first),
    )


def _together(starts: Sequence[Measured]) -> list[Said]:
    """Return each finding once, with the numbers of all starts that have it."""
    by_name: dict[str, Said] = {}
    for place, start in enumerate(starts, 1):
        for finding in start.diagnostics.findings:
            known = by_name.get(finding.name, Said(finding))
            by_name[finding.name] = Said(known.finding, [*known.starts, place])
    return sorted(by_name.values(), key=lambda one: SEVERITIES.index(one.finding.severity))


def _same(band: Band) -> Band:
    return band
