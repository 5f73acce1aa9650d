"""Gate activations in the sanity forward pass: means, and how many are saturated."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.ticker import FixedLocator, MaxNLocator

from stepzero_rnn.reports import style
from stepzero_rnn.reports.area import Area
from stepzero_rnn.reports.panels import TICKS_HEIGHT, Panel, sentence
from stepzero_rnn.reports.records import Measured
from stepzero_rnn.reports.words import gate_name, layers
from stepzero_rnn.summary import DirectionForward, GateActivation, Real

NAMES_WIDTH, SHARES_WIDTH = 0.55, 0.78
TITLE = "Gate activations"
_TICKS = (-1, -0.5, 0, 0.5, 1)
_CANDIDATES = ("cell", "new")  # between −1 and 1; all other gates are between 0 and 1


def gates(start: Measured) -> Panel:
    """Return the gates of one start, one dot a layer and direction."""
    cells = start.summary.forward.layers
    spec = start.spec
    shown = layers(max((one.layer for one in cells), default=-1) + 1, spec.num_layers)
    return _panel(
        [[one] for one in _by_gate(cells)],
        f"mean over one forward pass{shown and ', '}{shown}",
        is_single=True,
    )


def gates_compared(starts: Sequence[Measured]) -> Panel:
    """Return the gates of the first layer, one dot a start."""
    first = [one.summary.forward.layers[:1] for one in starts]
    by_start = [_by_gate(cells) for cells in first]
    return _panel(
        [*map(list, zip(*by_start, strict=True))],
        "mean over one forward pass, layer 0",
        is_single=False,
    )


def _by_gate(cells: Sequence[DirectionForward]) -> list[list[GateActivation]]:
    return [[*same] for same in zip(*(one.gates for one in cells), strict=True)]


def _panel(rows: list[list[list[GateActivation]]], note: str, *, is_single: bool) -> Panel:
    """Return a panel of rows by gate, in each a list by start, in each the layers."""
    means = [one.mean for row in rows for own in row for one in own if one.mean is not None]
    if not means:
        return sentence(TITLE, "No gate has a finite mean.")
    furthest = max(map(abs, means))
    far = 1.1 * furthest if furthest > 1 else 1.0

    def draw(area: Area) -> None:
        width = area.width - NAMES_WIDTH - SHARES_WIDTH
        height = area.height - TICKS_HEIGHT - 0.16
        step = height / len(rows)
        axes = area.part(NAMES_WIDTH, 0.16, width, height).axes()
        axes.set_xlim(-far, far)
        axes.set_ylim(len(rows), 0)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_locator(FixedLocator(_TICKS) if far == 1 else MaxNLocator(5))
        area.text(area.width, 0, "saturated", style.SMALL, color=style.QUIET, ha="right")
        for place, row in enumerate(rows):
            gate = row[0][0].gate
            low = -1 if gate in _CANDIDATES or far > 1 or len(rows) == 1 else 0
            axes.plot([low, 1], [place + 0.5] * 2, color=style.RULE, linewidth=0.8, zorder=1)
            _dots(axes, place, row, is_single=is_single)
            top = 0.16 + (place + 0.5) * step - 0.05
            colour = style.colour(place) if is_single and len(rows) > 1 else style.INK
            if len(rows) > 1:
                area.text(0, top, gate_name(gate), color=colour, weight="bold")
            text = _shares([one.saturated for own in row for one in own])
            area.text(area.width, top, text, style.SMALL, color=style.QUIET, ha="right")

    return Panel(TITLE, draw, note)


def _shares(saturated: Sequence[Real]) -> str:
    """Return the range of the saturated shares as percentages."""
    known = [f"{100 * share:.1f}" for share in saturated if share is not None]
    if not known:
        return "–"
    low, high = min(known, key=float), max(known, key=float)
    return f"{low} %" if low == high else f"{low} to {high} %"


def _dots(axes: object, place: int, row: list[list[GateActivation]], *, is_single: bool) -> None:
    dots = [
        (number, one.mean) for number, own in enumerate(row) for one in own if one.mean is not None
    ]
    for place_of_dot, (number, mean) in enumerate(dots):
        spread = (place_of_dot + 1) / (len(dots) + 1) - 0.5
        colour = style.colour(place if is_single else number)
        axes.plot(  # type: ignore[attr-defined]
            [mean],
            [place + 0.5 + 0.6 * spread],
            marker="o",
            markersize=3.4 if len(dots) < 12 else 2.2,
            color=colour,
            linestyle="none",
            zorder=2,
        )
