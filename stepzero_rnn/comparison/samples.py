"""A start's figures over the seeds, and what their medians mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import inf
from statistics import median

from stepzero_rnn.comparison.results import Row, Spread
from stepzero_rnn.comparison.starts import NamedStart
from stepzero_rnn.diagnostics.display import finite
from stepzero_rnn.diagnostics.evidence import evidence_of
from stepzero_rnn.diagnostics.findings import findings_of
from stepzero_rnn.diagnostics.ranking import Ranked
from stepzero_rnn.diagnostics.results import Diagnostics, Finding
from stepzero_rnn.diagnostics.rules import CHEN, SEVERITIES, Measured
from stepzero_rnn.diagnostics.score import OVERFLOW_LOG10
from stepzero_rnn.spec.canonical import canonical
from stepzero_rnn.spec.recipe import encode_recipe
from stepzero_rnn.summary import Real

NEVER_RANKED = frozenset({"overflow", "exploding_gradient"})
FAINT = 0.5  # of the largest echo at the dependency length
MIN_LARGEST_ECHO = 0.05  # smaller ones are within the noise of few sequences


@dataclass(slots=True)
class Samples:
    """What was measured of one start: each figure by seed."""

    start: NamedStart
    dependency_length: int
    figures: dict[str, list[float]] = field(default_factory=dict)
    overflows: list[bool] = field(default_factory=list)

    def add(self, found: Diagnostics) -> None:
        """Take the diagnostics of one seed."""
        for name, value in _scalars(found):
            self.figures.setdefault(name, []).append(inf if value is None else value)
        self.overflows.append(any(finding.name == "overflow" for finding in found.findings))

    @property
    def median(self) -> Measured:
        """The median figures; states overflow if they do for half of the seeds."""
        reach = min(median(self.figures["log10_reach"]), OVERFLOW_LOG10)
        overflows = sum(self.overflows) * 2 >= len(self.overflows)
        retention = median(self.figures.get("retention", [0.0]))
        return Measured(median(self.figures["echo"]), reach, overflows, retention)

    @property
    def echo_at_length(self) -> float:
        """The median echo at the dependency length."""
        return median(self.figures[f"echo_at_{self.dependency_length}"])

    def row(self, largest_echo: float) -> Row:
        """Return the start's row; `largest_echo` is that of all starts at the needed length."""
        spec, measured = self.start.spec, self.median
        recipe = encode_recipe(spec)
        spreads = {name: _spread(values) for name, values in self.figures.items()}
        spreads["score"] = replace(spreads["score"], median=finite(measured.score))
        found = findings_of(spec, self.dependency_length, measured, None)
        if largest_echo >= MIN_LARGEST_ECHO and self.echo_at_length < FAINT * largest_echo:
            found.append(_faint(self.echo_at_length, largest_echo))
        return Row(
            label=self.start.label,
            init=canonical(spec).get("init", "pytorch"),
            recipe=recipe,
            url=f"/v1/checkpoints/{recipe}",
            figures=spreads,
            findings=sorted(
                (replace(one, suggestions=[]) for one in found),
                key=lambda one: SEVERITIES.index(one.severity),
            ),
        )


def rows_of(samples: Sequence[Samples]) -> list[Row]:
    """Return the rows of all starts."""
    largest_echo = max((one.echo_at_length for one in samples), default=0.0)
    return [one.row(largest_echo) for one in samples]


def as_ranked(samples: Samples, row: Row) -> Ranked:
    """Return what the ranking looks at."""
    measured = samples.median
    return Ranked(
        row.label,
        measured.echo,
        samples.echo_at_length,
        measured.log10_reach,
        is_excluded=any(finding.name in NEVER_RANKED for finding in row.findings),
        retention=measured.retention,
    )


def _scalars(found: Diagnostics) -> list[tuple[str, Real]]:
    """Return the figures of one start that are single numbers."""
    scalars: list[tuple[str, Real]] = [("score", found.score)]
    if found.retention is not None:
        scalars.append(("retention", found.retention))
    if found.echo:
        scalars.append(("echo", found.echo.mean))
        scalars += [(f"echo_at_{lag}", value) for lag, value in found.echo.lags.items()]
    if found.gradient:
        scalars.append(("log10_reach", found.gradient.log10_reach))
        if found.dependency_length > 1:
            scalars.append(("growth_per_step", found.gradient.growth_per_step))
    if found.signal:
        last = max(found.signal.cells, key=lambda cell: (cell.layer, not cell.reverse))
        scalars += [
            ("state_rms", last.state_rms[-1]),
            ("dead_units", last.dead_units),
            ("saturated_units", last.saturated_units),
            ("distinctness", last.distinctness),
        ]
    return scalars


def _spread(values: Sequence[float]) -> Spread:
    return Spread(finite(median(values)), finite(min(values)), finite(max(values)))


def _faint(echo: float, largest: float) -> Finding:
    return Finding(
        name="faint_echo",
        severity="note",
        text="Inputs from the dependency length ago can be read far less well than with another of these starts.",
        figures={"echo": finite(echo), "largest_echo": finite(largest)},
        threshold=f"echo at the dependency length < {FAINT} of the largest here, which is at least {MIN_LARGEST_ECHO}",
        evidence=evidence_of("faint_echo"),
        source=CHEN,
        suggestions=[],
    )
