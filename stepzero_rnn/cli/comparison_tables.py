"""How comparisons and recommendations look in a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from stepzero_rnn.cli.diagnostics_tables import STYLES
from stepzero_rnn.cli.tables import number, table_of
from stepzero_rnn.comparison.results import (
    Comparison,
    Measurement,
    RankedStart,
    Recommendation,
    Row,
)
from stepzero_rnn.diagnostics.rules import SEVERITIES


def comparison(found: Comparison) -> Iterator[RenderableType]:
    """Yield the parts of a comparison."""
    yield from _rows(found, found.rows)
    yield from _ending(found)


def recommendation(found: Recommendation) -> Iterator[RenderableType]:
    """Yield the parts of a recommendation."""
    yield from _rows(found, found.candidates)
    for one in found.candidates:
        if one.is_recommended:
            tied = f" (tied with {', '.join(one.tied_with)})" if one.tied_with else ""
            init = json.dumps(one.init)
            yield Text.assemble(("try ", "green"), f"{one.label}{tied}: --init '{init}'")
    yield from _ending(found)
    yield Text(found.evidence)


def _rows(found: Measurement, rows: Sequence[Row]) -> Iterator[RenderableType]:
    """Yield the table of the figures, and the findings by name."""
    if not rows:
        return
    lags = [name for name in rows[0].figures if name.startswith("echo_at_")]
    echoes = [f"echo {name.removeprefix('echo_at_')}" for name in lags]
    ranks = ["rank"] if isinstance(rows[0], RankedStart) else []
    table = table_of("start", *ranks, "score", "min", "max", *echoes, "reach")
    for column in table.columns[: 1 + len(ranks)]:
        column.no_wrap = True
    for row in rows:
        score = row.figures["score"]
        medians = [row.figures[name].median for name in (*lags, "log10_reach")]
        numbers = map(number, (score.median, score.min, score.max, *medians))
        rank = [_rank(row)] if isinstance(row, RankedStart) else []
        table.add_row(Text(row.label), *rank, *numbers)
    seeds = ", ".join(map(str, found.seeds))
    table.caption = (
        f"Medians over the seeds {seeds}, for dependencies of {found.dependency_length} steps "
        f"in sequences of {found.seq_len}; min and max of the score; reach is log10_reach."
    )
    yield table
    yield from _findings(rows)


def _rank(row: RankedStart) -> str:
    return "–" if row.rank is None else f"{row.rank}{' *' if row.is_recommended else ''}"


def _findings(rows: Sequence[Row]) -> Iterator[Text]:
    """Yield every finding once, with the starts that have it; errors first."""
    each = {finding.name: finding for row in rows for finding in row.findings}
    for finding in sorted(each.values(), key=lambda one: SEVERITIES.index(one.severity)):
        labels = [row.label for row in rows if finding.name in {one.name for one in row.findings}]
        style = STYLES[finding.severity]
        yield Text.assemble((finding.name, style), f" ({finding.severity}): {', '.join(labels)}")


def _ending(found: Measurement) -> Iterator[Text]:
    for start in found.omitted:
        yield Text(f"Not measured: {start.label}. {start.reason}", style="yellow")
    yield Text(f"{found.validity} Measured on {found.device} in {found.seconds:.2f} s.")
