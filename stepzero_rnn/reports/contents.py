"""The contents of a report, the same for every format: text, bands of plots, tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from stepzero_rnn.diagnostics.results import Finding
from stepzero_rnn.reports import curves, gates, histograms, spectra, tables, words
from stepzero_rnn.reports.panels import Band, row
from stepzero_rnn.reports.records import SHOWN_CELLS, Measured, shown_layers
from stepzero_rnn.reports.tables import Table

CURVES_HEIGHT = 2.0


@dataclass(frozen=True, slots=True)
class Findings:
    """What the figures of one start mean; `label` names the start in a comparison."""

    label: str
    place: int | None
    verdict: str
    findings: Sequence[Finding]


@dataclass(frozen=True, slots=True)
class Contents:
    """A report from top to bottom."""

    title: str
    subtitle: str
    facts: list[tuple[str, str]]
    findings: list[Findings]
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
        findings=[Findings("", None, words.verdict(found), found.findings)],
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
    each = zip(names, starts, strict=True)
    return Contents(
        title=words.title(first.spec),
        subtitle=f"Comparison of {len(starts)} starts",
        facts=[],
        findings=[
            Findings(name, place, words.verdict(one.diagnostics), one.diagnostics.findings)
            for place, (name, one) in enumerate(each)
        ],
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


def _same(band: Band) -> Band:
    return band
