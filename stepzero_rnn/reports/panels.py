"""What a report consists of: bands across the page, each of one or more panels side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stepzero_rnn.reports import style
from stepzero_rnn.reports.area import Area, fitted, leading, width_of, wrapped

SENTENCE_HEIGHT = 0.8
GAP, TITLE_HEIGHT, TICKS_HEIGHT, AXIS_WIDTH = 0.3, 0.24, 0.34, 0.42


@dataclass(frozen=True, slots=True)
class Panel:
    """A plot with a title, or what is said in its place; `note` says what is drawn."""

    title: str
    draw: Callable[[Area], None]
    note: str = ""
    said: str = ""


@dataclass(frozen=True, slots=True)
class Band:
    """A part of a report that is never split between pages, of a height in inches; `gap` is the
    distance to the next.

    `alt` describes it for those who cannot see it.
    """

    height: float
    draw: Callable[[Area], None]
    alt: str
    gap: float = 0.16


def row(height: float, *panels: Panel, shares: tuple[float, ...] = ()) -> Band:
    """Return panels side by side, below their titles; sentences alone take less height."""

    def draw(area: Area) -> None:
        columns = area.columns(shares or (1.0,) * len(panels), GAP)
        for panel, column in zip(panels, columns, strict=True):
            _titled(panel, column)

    alt = " ".join(map(_alternative, panels))
    only_text = all(panel.said for panel in panels)
    return Band(min(height, SENTENCE_HEIGHT) if only_text else height, draw, alt)


def _alternative(panel: Panel) -> str:
    """Return a panel in words."""
    note = f" ({panel.note})" if panel.note else ""
    return f"{panel.title}{note}{f': {panel.said}' if panel.said else '.'}"


def _titled(panel: Panel, area: Area) -> None:
    area.text(0, 0, panel.title, style.HEADING, weight="bold")
    taken = width_of(panel.title, style.HEADING, bold=True) + 0.12
    note = fitted(panel.note, area.width - taken, style.SMALL)
    area.text(area.width, 0.025, note, style.SMALL, ha="right", color=style.QUIET)
    panel.draw(area.part(0, TITLE_HEIGHT, area.width, area.height - TITLE_HEIGHT))


def sentence(title: str, text: str, note: str = "") -> Panel:
    """Return a panel that says something in place of a plot."""

    def draw(area: Area) -> None:
        lines = wrapped(text, area.width - 0.3, style.BODY)
        height = len(lines) * leading(style.BODY) + 0.2
        area.part(0, 0.05, area.width, height).fill(style.FAINT)
        area.paragraph(0.12, 0.15, lines, color=style.QUIET)

    return Panel(title, draw, note, text)


def plot_of(area: Area, left: float = AXIS_WIDTH) -> Area:
    """Return the part of an area for axes, with space for ticks and labels."""
    return area.part(left, 0.04, area.width - left - 0.04, area.height - TICKS_HEIGHT - 0.04)


def legend(area: Area, entries: Sequence[tuple[str, str, object]]) -> float:
    """Write a legend of labels, colours and line styles in lines; return its height."""
    left = top = 0.0
    for label, colour, dash in entries:
        width = 0.28 + width_of(label, style.SMALL) + 0.14
        if left and left + width > area.width:
            left, top = 0.0, top + 0.13
        area.stroke(left, top + 0.05, 0.2, color=colour, linestyle=dash, linewidth=1.3)
        area.text(left + 0.25, top, label, style.SMALL, color=style.QUIET)
        left += width
    return top + 0.17
