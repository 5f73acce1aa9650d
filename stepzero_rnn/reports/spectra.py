"""The spectra of the recurrent weights: singular values and eigenvalues of every gate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import hypot

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle
from matplotlib.ticker import FixedLocator, MaxNLocator

from stepzero_rnn.diagnostics.weight_results import BlockSpectrum
from stepzero_rnn.reports import style
from stepzero_rnn.reports.area import Area
from stepzero_rnn.reports.panels import TICKS_HEIGHT, Band, Panel, plot_of, row, sentence
from stepzero_rnn.reports.records import Measured
from stepzero_rnn.reports.words import cell, gate_name, is_flat, missing, number
from stepzero_rnn.spec.networks import WHOLE

HEIGHT, COMPARED_HEIGHT, LABELS_WIDTH = 2.25, 1.55, 1.12
SHOWN_POINTS = 160  # eigenvalues of a block; more would only make the file larger
_BACKGROUND = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
WIDE = 2.0  # half the width of a plane whose ticks are not only −1, 0 and 1
MAX_CLOUDS = 6  # starts whose eigenvalues are drawn over one another


def spectra(start: Measured) -> list[Band]:
    """Return the spectra of the layers that have details, or why there are none."""
    found = start.diagnostics.spectra
    if found is None:
        return [_why_missing(start)]
    return [_band(start, name, blocks) for name, blocks in _by_tensor(found.blocks).items()]


def spectra_compared(starts: Sequence[Measured]) -> list[Band]:
    """Return the spectra of the first layer, one column a gate."""
    found = starts[0].diagnostics.spectra
    if found is None:
        return [_why_missing(starts[0])]
    if not found.blocks:
        return []
    first = found.blocks[0].tensor
    by_start = [
        [one for one in start.diagnostics.spectra.blocks if one.tensor == first]
        for start in starts
        if start.diagnostics.spectra
    ]
    gates = [*map(list, zip(*by_start, strict=True))]
    values = [Panel(_gate_title("Singular values", by), _values_compared(by)) for by in gates]
    note = f"starts 1–{MAX_CLOUDS} of {len(starts)}" if len(starts) > MAX_CLOUDS else ""
    clouds = [
        Panel(_gate_title("Eigenvalues", by), _cloud_compared(by[:MAX_CLOUDS], note))
        for by in gates
    ]
    if not any(one.eigenvalues for by in gates for one in by):
        return [row(COMPARED_HEIGHT, *values)]
    if len(gates) == 1:
        return [row(COMPARED_HEIGHT, *values, *clouds)]
    return [row(COMPARED_HEIGHT, *values), row(COMPARED_HEIGHT, *clouds)]


def _why_missing(start: Measured) -> Band:
    return row(HEIGHT, sentence("Spectra of W_hh", missing(start.diagnostics, "spectra")))


def _gate_title(title: str, blocks: Sequence[BlockSpectrum]) -> str:
    name = gate_name(blocks[0].gate)
    return title if name == "all" else f"{title}, {name}"


def _by_tensor(blocks: Sequence[BlockSpectrum]) -> dict[str, list[BlockSpectrum]]:
    by_name: dict[str, list[BlockSpectrum]] = {}
    for block in blocks:
        by_name.setdefault(block.tensor, []).append(block)
    return by_name


def _band(start: Measured, name: str, blocks: list[BlockSpectrum]) -> Band:
    (tensor,) = (t for t in start.plan.tensors if t.name == name)
    where = cell(tensor.layer, tensor.reverse)
    size = min(tensor.shape[0] // len(tensor.gates), tensor.shape[1])
    return row(HEIGHT, _values(blocks, size, where), _clouds(blocks, where))


def _clouds_note(blocks: Sequence[BlockSpectrum], where: str) -> str:
    most = max(len(block.eigenvalues) for block in blocks)
    return f"{where}; up to {SHOWN_POINTS} of each gate" if most > SHOWN_POINTS else where


def _values(blocks: list[BlockSpectrum], size: int, where: str) -> Panel:
    title = "Singular values of W_hh"
    if not any(block.singular_values for block in blocks):
        return sentence(
            title, "The weights are not finite, so they have no singular values.", where
        )
    if size > 1 and all(len(block.singular_values) <= 1 for block in blocks):
        return sentence(title, f"Only the largest of each is computed: {_largest(blocks)}.", where)
    if all(block.singular_values and is_flat(block.singular_values) for block in blocks):
        return sentence(title, _flat_sentence(blocks), where)

    def draw(area: Area) -> None:
        axes = plot_of(area).axes()
        highest = 0.0
        for place, block in enumerate(blocks):
            ranks = np.linspace(1, size, len(block.singular_values))
            marker = "o" if len(block.singular_values) <= 2 else ""
            axes.plot(
                ranks, block.singular_values, color=style.colour(place), marker=marker, markersize=3
            )
            highest = max([highest, *block.singular_values])
            text = f"{_prefix(block)}{_ends(block)}"
            axes.text(
                0.97,
                0.97 - 0.085 * place,
                text,
                transform=axes.transAxes,
                fontsize=style.SMALL,
                color=style.colour(place),
                ha="right",
                va="top",
                bbox=_BACKGROUND,
            )
        _ranks(axes, size, highest)

    return Panel(title, draw, where)


def _largest(blocks: Sequence[BlockSpectrum]) -> str:
    return ", ".join(f"{_prefix(one)}{number(one.largest_singular_value)}" for one in blocks)


def _flat_sentence(blocks: Sequence[BlockSpectrum]) -> str:
    """Return the one value that the singular values of every block have."""
    values = {number(one.largest_singular_value) for one in blocks}
    if len(values) == 1:
        return f"All singular values are {values.pop()}."
    return f"The singular values of a gate are all equal: {_largest(blocks)}."


def _prefix(block: BlockSpectrum) -> str:
    return "" if block.gate == WHOLE else f"{block.gate}: "


def _ends(block: BlockSpectrum) -> str:
    if is_flat(block.singular_values) and len(block.singular_values) > 1:
        return f"all {number(block.largest_singular_value)}"
    if block.smallest_singular_value is None:
        return f"largest {number(block.largest_singular_value)}"
    return f"{number(block.smallest_singular_value)} to {number(block.largest_singular_value)}"


def _ranks(axes: Axes, size: int, highest: float) -> None:
    axes.set_xlabel("rank", loc="right", labelpad=1)
    axes.axhline(1, color=style.QUIET, linewidth=0.7, linestyle=(0, (3, 2)))
    axes.set_ylim(0, max(highest * 1.12, 1.15))
    axes.set_xlim(1 if size > 1 else 0, max(size, 2))
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))


def _clouds(blocks: list[BlockSpectrum], where: str) -> Panel:
    title = "Eigenvalues of W_hh"
    if not any(block.eigenvalues for block in blocks):
        is_finite = any(block.singular_values for block in blocks)
        what = "square" if is_finite else "finite"
        return sentence(title, f"The blocks are not {what}, so they have no eigenvalues.", where)
    if not any(hypot(*point) for block in blocks for point in block.eigenvalues):
        return sentence(title, "All eigenvalues are 0.", where)

    def draw(area: Area) -> None:
        side = min(area.height - TICKS_HEIGHT, area.width - LABELS_WIDTH)
        square = area.part(area.width - side - 0.05, 0.02, side, side - 0.02)
        colours = [style.colour(place) for place in range(len(blocks))]
        _plane(square.axes(), blocks, colours)
        for place, block in enumerate(blocks):
            text = f"{_prefix(block)}|λ| ≤ {number(block.spectral_radius)}"
            area.text(0, 0.1 + 0.17 * place, text, style.SMALL, color=colours[place])

    return Panel(title, draw, _clouds_note(blocks, where))


def _plane(axes: Axes, blocks: Sequence[BlockSpectrum], colours: Sequence[str]) -> None:
    """Draw the unit circle, and eigenvalues in the complex plane."""
    far = 1.15
    for block, colour in zip(blocks, colours, strict=True):
        points = _thinned(block.eigenvalues)
        far = max([far, *(1.08 * hypot(*point) for point in points)])
        axes.plot(
            [x for x, _ in points],
            [y for _, y in points],
            linestyle="none",
            marker="o",
            markersize=2.0,
            markeredgewidth=0,
            color=colour,
            alpha=0.75,
        )
    axes.add_patch(
        Circle((0, 0), 1, fill=False, color=style.QUIET, linewidth=0.7, linestyle=(0, (3, 2)))
    )
    axes.set_xlim(-far, far)
    axes.set_ylim(-far, far)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(FixedLocator([-1, 0, 1]) if far < WIDE else MaxNLocator(4))


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    if len(points) <= SHOWN_POINTS:
        return [*points]
    places = np.linspace(0, len(points) - 1, SHOWN_POINTS).round().astype(int)
    return [points[place] for place in places]


def _values_compared(blocks: list[BlockSpectrum]) -> Callable[[Area], None]:
    def draw(area: Area) -> None:
        axes = plot_of(area, 0.25).axes()
        size = max(len(block.singular_values) for block in blocks)
        for place, block in enumerate(blocks):
            ranks = np.linspace(0, 100, len(block.singular_values))
            look = {"color": style.colour(place), "linestyle": style.dash(place)}
            width = style.line_width(place, len(blocks))
            axes.plot(ranks, block.singular_values, linewidth=width, **look)
        every = (value for block in blocks for value in block.singular_values)
        _ranks(axes, size, max(every, default=0.0))
        axes.set_xlim(0, 100)
        axes.set_xlabel("% of the ranks", loc="right", labelpad=1)

    return draw


def _cloud_compared(blocks: Sequence[BlockSpectrum], note: str) -> Callable[[Area], None]:
    def draw(area: Area) -> None:
        side = min(area.height - TICKS_HEIGHT, area.width - 0.25)
        axes = area.part(0.25, 0.02, side, side - 0.02).axes()
        _plane(axes, blocks, [style.colour(place) for place in range(len(blocks))])
        axes.set_xlabel(note, loc="right", labelpad=1)

    return draw
