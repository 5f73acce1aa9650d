"""Curves over time and lags: echo, gradient reach, and the norm of the state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log10, nan
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from stepzero_rnn.diagnostics.results import Gradient
from stepzero_rnn.diagnostics.score import FREE_DECADES, OVERFLOW_LOG10
from stepzero_rnn.reports import style
from stepzero_rnn.reports.area import Area
from stepzero_rnn.reports.panels import Panel, legend, plot_of, sentence
from stepzero_rnn.reports.records import Measured
from stepzero_rnn.reports.words import cell, missing, number
from stepzero_rnn.summary import Real

WIDE_DECADES = 2.0  # a range of states above this is drawn on a logarithmic axis
MARKED = 12  # a curve of up to so many points has a marker at each


@dataclass(frozen=True, slots=True)
class Line:
    """A curve; points that are not finite are gaps."""

    xs: Sequence[float]
    ys: Sequence[Real]
    colour: str
    dash: Any = "solid"
    label: str = ""
    width: float = style.LINE_WIDTH

    @property
    def known(self) -> list[float]:
        """The values that are finite."""
        return [y for y in self.ys if y is not None]


def echo(starts: Sequence[Measured]) -> Panel:
    """Return how much of earlier inputs can be read from the final state."""
    title = "Echo"
    shown = [one.diagnostics.echo for one in starts]
    if shown[0] is None:
        return sentence(title, missing(starts[0].diagnostics, "echo"))
    lines = [
        _line(place, len(starts), [int(lag) for lag in found.lags], [*found.lags.values()])
        for place, found in enumerate(shown)
        if found
    ]

    def draw(area: Area) -> None:
        axes = _axes(area, "lag in steps", lines)
        axes.set_ylim(-0.03, 1.03)
        axes.set_xlim(0, max(max(line.xs) for line in lines) * 1.08)
        if len(lines) == 1:
            for x, y in zip(lines[0].xs, lines[0].known, strict=True):
                place = -9 if y > 0.85 else 5
                axes.annotate(
                    number(y),
                    (x, y),
                    (0, place),
                    textcoords="offset points",
                    ha="center",
                    fontsize=style.SMALL,
                    color=style.QUIET,
                )

    return Panel(title, draw, "share of earlier inputs that can be read from the state")


def gradient(starts: Sequence[Measured]) -> Panel:
    """Return how strongly the final state depends on the input of each step."""
    title = "Gradient reach"
    found = starts[0].diagnostics
    if found.gradient is None:
        return sentence(title, missing(found, "gradient"))
    lines = [
        _line(place, len(starts), [found.seq_len - step for step in own.steps], _above_zero(own))
        for place, start in enumerate(starts)
        if (own := start.diagnostics.gradient)
    ]
    if not any(line.known for line in lines):
        return sentence(title, "The gradient is zero or overflows at every step.")

    def draw(area: Area) -> None:
        axes = _axes(area, "steps before the end", lines)
        axes.axhspan(-FREE_DECADES, FREE_DECADES, color=style.FAINT, linewidth=0)
        axes.set_xlim(found.seq_len * 1.02, 0)
        _mark_needed(axes, found.dependency_length)
        _say_gaps(axes, lines)

    return Panel(title, draw, "log₁₀ of the final state's gradient; shaded: ideal")


def _above_zero(found: Gradient) -> list[Real]:
    """Return the curve without steps whose gradient is zero, which are recorded as 10⁻¹⁵⁰."""
    return [None if y is not None and y <= -OVERFLOW_LOG10 else y for y in found.log10_by_step]


def states(start: Measured) -> Panel:
    """Return the norm of the state of every layer that was recorded."""
    title = "State norm"
    signal = start.diagnostics.signal
    if signal is None:
        return sentence(title, missing(start.diagnostics, "signal"))
    lines = []
    for place, one in enumerate(signal.cells):
        name, colour = cell(one.layer, one.reverse), style.colour(place)
        lines.append(Line(signal.steps, one.state_rms, colour, label=name))
        if one.cell_rms:
            lines.append(Line(signal.steps, one.cell_rms, colour, style.DASHES[1]))
    note = "root mean square of h" + (", dashed: of c" if signal.cells[0].cell_rms else "")
    return _states(title, lines, note)


def states_compared(starts: Sequence[Measured]) -> Panel:
    """Return the norm of the last layer's state, one curve a start."""
    signals = [start.diagnostics.signal for start in starts]
    title = "State norm"
    if signals[0] is None:
        return sentence(title, missing(starts[0].diagnostics, "signal"))
    lines = [
        _line(place, len(starts), signal.steps, signal.cells[-1].state_rms)
        for place, signal in enumerate(signals)
        if signal
    ]
    last = signals[0].cells[-1]
    return _states(title, lines, f"root mean square of h, {cell(last.layer, last.reverse)}")


def _states(title: str, lines: Sequence[Line], note: str) -> Panel:
    known = [value for line in lines for value in line.known]
    if not known:
        return sentence(title, "The state is not finite at any recorded step.")
    if not any(known):
        return sentence(title, "The state is 0 at every step.")

    low, high = min(known), max(known)
    is_wide = low > 0 and log10(high / low) > WIDE_DECADES
    if is_wide:
        lines = [replace(line, ys=[y and log10(y) for y in line.ys]) for line in lines]

    def draw(area: Area) -> None:
        named = [(one.label, one.colour, one.dash) for one in lines if one.label]
        used = legend(area, named) if len(named) > 1 else 0.0
        axes = _axes(area.part(0, used, area.width, area.height - used), "time step", lines)
        if not is_wide:
            axes.set_ylim(0, high * 1.12)
        _say_gaps(axes, lines)

    return Panel(title, draw, f"log₁₀ of the {note}" if is_wide else note)


def _line(place: int, count: int, xs: Sequence[float], ys: Sequence[Real]) -> Line:
    width = style.line_width(place, count)
    return Line(xs, ys, style.colour(place), style.dash(place), width=width)


def _axes(area: Area, xlabel: str, lines: Sequence[Line]) -> Axes:
    axes = plot_of(area).axes()
    axes.set_xlabel(xlabel, loc="right", labelpad=1)
    axes.grid(visible=True, color=style.FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    for line in lines:
        ys = [nan if y is None else y for y in line.ys]
        look = {"color": line.colour, "linestyle": line.dash, "linewidth": line.width}
        (curve,) = axes.plot(line.xs, ys, **look)
        if len(ys) <= MARKED:
            curve.set(marker="o", markersize=1.5 + line.width)
    return axes


def _mark_needed(axes: Axes, length: int) -> None:
    axes.axvline(length, color=style.QUIET, linewidth=0.7, linestyle=(0, (3, 2)))
    axes.text(
        length,
        1.0,
        f" {length} ",
        transform=axes.get_xaxis_transform(),
        fontsize=style.SMALL,
        color=style.QUIET,
        va="top",
        ha="left",
    )


def _say_gaps(axes: Axes, lines: Sequence[Line]) -> None:
    """Write how many points are not finite, if any."""
    gaps = sum(len(line.ys) - len(line.known) for line in lines)
    if gaps:
        axes.text(
            1,
            0,
            f"{gaps} of {sum(len(line.ys) for line in lines)} points are zero or not finite ",
            transform=axes.transAxes,
            fontsize=style.SMALL,
            color=style.SEVERITIES["error"],
            ha="right",
            va="bottom",
        )
