"""How diagnostics look in a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from stepzero_rnn.cli.tables import number, table_of
from stepzero_rnn.diagnostics.results import Diagnostics, Echo, Finding, Gradient, Severity, Signal
from stepzero_rnn.diagnostics.weight_results import ExpectedFigures, Memory, Spectra
from stepzero_rnn.spec.networks import WHOLE

STYLES: Mapping[Severity, str] = {
    "error": "red",
    "warning": "yellow",
    "note": "cyan",
    "good": "green",
}


def report(found: Diagnostics) -> Iterator[RenderableType]:
    """Yield the parts of a report, the conclusions first."""
    if found.score is not None:
        yield Text(
            f"Score {number(found.score)} for dependencies of {found.dependency_length} steps "
            f"(above 0 is within reach, below -0.5 is not).",
            style="bold",
        )
    named: set[str] = set()
    for finding in found.findings:
        yield _finding(finding, named)
    yield from _figures(found)
    for omission in found.omitted:
        yield Text(f"Not measured: {omission.figure}. {omission.reason}", style="yellow")
    yield Text(f"{found.validity} Measured on {found.device} in {found.seconds:.2f} s.")


def _figures(found: Diagnostics) -> Iterator[RenderableType]:
    if found.echo:
        yield _echo(found.echo)
    if found.gradient:
        yield _gradient(found.gradient, found.dependency_length)
    if found.signal:
        yield _signal(found.signal)
    if found.memory:
        yield _memory(found.memory)
    if found.weights:
        yield from _weights(found.weights)
    if found.spectra and found.spectra.blocks:
        yield _spectra(found.spectra)


def _finding(finding: Finding, named: set[str]) -> Text:
    """Return a finding with its suggestions; each is shown once in a report."""
    lines = Text.assemble(
        (f"{finding.severity}: {finding.name}", STYLES[finding.severity]),
        f"  {finding.text} ({finding.threshold})",
    )
    if finding.evidence:
        lines.append(f"\n  {finding.evidence}")
    for suggestion in finding.suggestions:
        if suggestion.recipe in named:
            continue
        named.add(suggestion.recipe)
        lines.append(f"\n  try {suggestion.label}: --init '{json.dumps(suggestion.init)}'")
    return lines


def _echo(echo: Echo) -> Text:
    by_lag = ", ".join(f"{value:.3f} after {lag} steps" for lag, value in echo.lags.items())
    return Text(f"Echo: {by_lag}; mean {echo.mean:.3f}, {echo.sequences} sequences.")


def _gradient(gradient: Gradient, length: int) -> Text:
    reach = gradient.log10_reach
    size = "overflows" if reach is None else f"is 10^{reach:.1f}"
    growth = gradient.growth_per_step
    change = "" if growth is None else f", a factor of {growth:.3g} per step"
    return Text(f"Gradient: to the input of {length} steps ago it {size}{change}.")


def _memory(memory: Memory) -> Text:
    lines = []
    for cell in memory.cells:
        radius, steps = number(cell.spectral_radius), number(cell.memory_steps)
        line = f"Memory near the zero state, layer {cell.layer}{' reverse' * cell.reverse}: "
        line += f"spectral radius {radius}, {steps} steps"
        if cell.gate_memory_steps:
            low, middle, high = map(number, cell.gate_memory_steps)
            line += f"; by the gate biases {middle} ({low} to {high}) steps"
        lines.append(f"{line}.")
    return Text("\n".join(lines))


def _weights(weights: ExpectedFigures) -> Iterator[RenderableType]:
    if not weights.failed:
        yield Text(f"Weights: all {weights.checked} figures are as their schemes promise.")
        return
    table = table_of("tensor", "gate", "figure", "expected", "measured", "tolerance")
    for row in weights.rows:
        if not row.passed:
            numbers = map(number, (row.expected, row.measured, row.tolerance))
            table.add_row(row.tensor, row.gate, row.figure, *numbers)
    table.title = f"{weights.failed} of {weights.checked} figures differ from what schemes promise"
    yield table


def _spectra(spectra: Spectra) -> Table:
    table = table_of("block", "radius", "largest sv", "smallest sv", "condition", "stable rank")
    for block in spectra.blocks:
        numbers = (
            block.spectral_radius,
            block.largest_singular_value,
            block.smallest_singular_value,
            block.condition,
            block.stable_rank,
        )
        gate = "" if block.gate == WHOLE else f".{block.gate}"
        table.add_row(f"{block.tensor}{gate}", *map(number, numbers))
    return table


def _signal(signal: Signal) -> Table:
    table = table_of("layer", "rms of h", "rms of c", "dead", "saturated", "distinct", "gates")
    for cell in signal.cells:
        gates = ", ".join(
            f"{gate.gate if gate.gate != WHOLE else 'unit'} {number(gate.mean)}"
            for gate in cell.gates
        )
        table.add_row(
            f"{cell.layer}{' reverse' if cell.reverse else ''}",
            number(cell.state_rms[0 if cell.reverse else -1]),
            number(cell.cell_rms[0 if cell.reverse else -1]) if cell.cell_rms else "",
            f"{cell.dead_units:.0%}",
            f"{cell.saturated_units:.0%}",
            number(cell.distinctness),
            gates,
        )
    table.caption = "at the last step; gates: their means over all steps"
    return table
