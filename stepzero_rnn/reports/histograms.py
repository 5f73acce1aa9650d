"""Histograms of the weights: one row a gate, one column a parameter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from stepzero_rnn.plan import TensorPlan
from stepzero_rnn.reports import style
from stepzero_rnn.reports.area import Area, fitted
from stepzero_rnn.reports.laws import Cdf, expected_cdf
from stepzero_rnn.reports.panels import Band, Panel, row
from stepzero_rnn.reports.records import Measured
from stepzero_rnn.reports.words import cell, gate_name, number
from stepzero_rnn.spec.networks import WHOLE
from stepzero_rnn.summary import Figures, TensorSummary

ROW_HEIGHT, NAMES_HEIGHT, TICKS_HEIGHT, LABELS_WIDTH = 0.46, 0.2, 0.16, 0.62
COLUMN_GAP = 0.24
CURVE_POINTS = 160
HEADROOM = 1.6  # of the tallest bar, for the figures above the bars


@dataclass(frozen=True, slots=True)
class _Shape:
    """The values of one gate's block of one start, and how they are drawn."""

    figures: Figures
    colour: str
    dash: Any
    cdf: Cdf | None = None

    @property
    def constant(self) -> float | None:
        """The value of all elements, if they share one."""
        low, high = self.figures.min, self.figures.max
        return low if low is not None and low == high else None

    @property
    def ends(self) -> tuple[float, ...]:
        """The least and the largest edge, or the only value; nothing without finite values."""
        if self.constant is not None:
            return (self.constant,)
        edges = self.figures.histogram.edges
        return (edges[0], edges[-1]) if len(edges) > 1 else ()


def weights(start: Measured, layer: int, *, reverse: bool) -> Band:
    """Return the histograms of one layer and direction, with the laws of their schemes."""
    planned = {tensor.name: tensor for tensor in start.plan.tensors}
    tensors = start.tensors_of(layer, reverse=reverse)
    columns = [(tensor.name, _shapes(tensor, planned[tensor.name])) for tensor in tensors]
    title = f"Weights, {cell(layer, reverse)}"
    has_law = any(
        one.cdf and len(one.ends) > 1
        for _, by_gate in columns
        for each in by_gate.values()
        for one in each
    )
    return _grid(title, "dashed: the law of the scheme" if has_law else "", columns)


def compared(starts: Sequence[Measured]) -> Band:
    """Return the histograms of the first layer, one outline a start."""
    layers = starts[0].spec.num_layers
    title = f"Weights, layer 0{f' of {layers}' if layers > 1 else ''}"
    columns = []
    for tensor in starts[0].tensors_of(0, reverse=False):
        by_gate: dict[str, list[_Shape]] = {}
        for place, start in enumerate(starts):
            (own,) = (t for t in start.summary.weights.tensors if t.name == tensor.name)
            for gate in own.gates:
                shape = _Shape(gate.figures, style.colour(place), style.dash(place))
                by_gate.setdefault(gate.gate, []).append(shape)
        columns.append((tensor.name, by_gate))
    return _grid(title, "one outline a start, each of the same height", columns)


def _shapes(tensor: TensorSummary, planned: TensorPlan) -> dict[str, list[_Shape]]:
    return {
        gate.gate: [
            _Shape(gate.figures, style.colour(place), "solid", expected_cdf(planned, gate.gate))
        ]
        for place, gate in enumerate(tensor.gates)
    }


def _grid(title: str, note: str, columns: list[tuple[str, dict[str, list[_Shape]]]]) -> Band:
    gates = max((list(by_gate) for _, by_gate in columns), key=len)
    if all(len(_ends(by_gate)) < 2 for _, by_gate in columns):
        gates = [WHOLE]  # a sentence for each parameter

    def draw(area: Area) -> None:
        labels = area.part(0, NAMES_HEIGHT, LABELS_WIDTH, area.height)
        for place, gate in enumerate(gates):
            if gate != WHOLE:
                colour = style.colour(place) if _is_single(columns) else style.INK
                labels.text(
                    0, place * ROW_HEIGHT + 0.16, gate_name(gate), color=colour, weight="bold"
                )
        left = LABELS_WIDTH if gates != [WHOLE] else 0.0
        body = area.part(left, 0, area.width - left, area.height)
        for (name, by_gate), column in zip(
            columns, body.columns((1.0,) * len(columns), COLUMN_GAP), strict=True
        ):
            column.text(
                0, 0, fitted(name, column.width, style.SMALL), style.SMALL, color=style.QUIET
            )
            _column(column.part(0, NAMES_HEIGHT, column.width, area.height), by_gate)

    height = NAMES_HEIGHT + ROW_HEIGHT * len(gates) + TICKS_HEIGHT
    return row(height + 0.24, Panel(title, draw, note))


def _is_single(columns: list[tuple[str, dict[str, list[_Shape]]]]) -> bool:
    return all(len(shapes) == 1 for _, by_gate in columns for shapes in by_gate.values())


def _column(area: Area, by_gate: dict[str, list[_Shape]]) -> None:
    """Draw the gates of one parameter below one another, over one range of values."""
    ends = _ends(by_gate)
    if len(ends) < 2:
        text = f"all values are {number(ends[0])}" if ends else "no finite values"
        area.text(0, 0.08, text, color=style.QUIET)
        return
    low, high = ends
    pad = (high - low) * 0.03
    for place, shapes in enumerate(by_gate.values()):
        is_last = place == len(by_gate) - 1
        axes = area.part(0, place * ROW_HEIGHT, area.width, ROW_HEIGHT - 0.05).axes()
        axes.set_xlim(low - pad, high + pad)
        _draw(axes, shapes, low, high)
        _plain(axes, is_last=is_last)
        if len(shapes) == 1:
            _figures(axes, shapes[0])


def _ends(by_gate: dict[str, list[_Shape]]) -> list[float]:
    """Return the least and the largest value, or the only one; nothing without finite values."""
    ends = {end for shapes in by_gate.values() for shape in shapes for end in shape.ends}
    return sorted({min(ends), max(ends)}) if ends else []


def _draw(axes: Axes, shapes: Sequence[_Shape], low: float, high: float) -> None:
    tallest = 0.0
    for place, shape in enumerate(shapes):
        if shape.constant is not None:  # where several share it, each is lower than the one before
            height = 0.6 * (len(shapes) - place) / len(shapes)
            axes.axvline(shape.constant, ymax=height, color=shape.colour, linewidth=2.0)
        elif shape.ends:
            tallest = max(tallest, _bars(axes, shape, high - low, is_filled=len(shapes) == 1))
    for shape in shapes:
        if shape.cdf and shape.constant is None:
            tallest = max(tallest, _law(axes, shape.cdf, low, high))
    axes.set_ylim(0, HEADROOM * tallest or 1.0)


def _bars(axes: Axes, shape: _Shape, span: float, *, is_filled: bool) -> float:
    edges = np.asarray(shape.figures.histogram.edges)
    counts = np.asarray(shape.figures.histogram.counts, dtype=float)
    heights = counts / counts.sum() / (np.diff(edges) / span)
    if not is_filled:
        heights /= heights.max()  # shapes are compared, and the narrowest would hide the others
    if is_filled:
        axes.stairs(heights, edges, fill=True, color=shape.colour, alpha=0.16)
    axes.stairs(heights, edges, color=shape.colour, linestyle=shape.dash)
    return float(heights.max())


def _law(axes: Axes, cdf: Cdf, low: float, high: float) -> float:
    pad = (high - low) * 0.03
    grid = np.linspace(low - pad, high + pad, CURVE_POINTS)
    heights = np.diff(cdf(grid)) / (grid[1] - grid[0]) * (high - low)
    axes.stairs(heights, grid, color=style.INK, linestyle=(0, (3, 2)), linewidth=0.7, baseline=None)
    return float(heights.max())


def _plain(axes: Axes, *, is_last: bool) -> None:
    axes.spines["left"].set_visible(False)
    axes.set_yticks([])
    axes.xaxis.set_major_locator(MaxNLocator(3, min_n_ticks=2))
    axes.tick_params(labelbottom=is_last, bottom=is_last)


def _figures(axes: Axes, shape: _Shape) -> None:
    """Write the figures of one block above its bars."""
    figures = shape.figures
    if shape.constant is not None:
        text = f"all {number(shape.constant)}"
    else:
        promised = figures.expected_std
        text = f"std {number(figures.std)}"
        text += f", expected {number(promised)}" if promised is not None else ""
    if figures.nonfinite:
        text += f", {figures.nonfinite:,} not finite"
    axes.text(0, 1, text, transform=axes.transAxes, fontsize=5.2, va="top", color=style.QUIET)
