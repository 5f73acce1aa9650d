"""How reports look: light, for paper, with one colour a gate or a start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

INK, QUIET, RULE, FAINT = "#1d2129", "#5d6673", "#c9ced6", "#eef0f3"
COLOURS = (
    "#2f5fd0",
    "#cf5f00",
    "#0e8566",
    "#a832a8",
    "#b3261e",
    "#00788f",
    "#8a6d00",
    "#5d6673",
)
DASHES: tuple[Any, ...] = ("solid", (0, (4, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)))
SEVERITIES = {"error": "#b3261e", "warning": "#9a5b00", "note": "#2f5fd0", "good": "#0e7a4e"}

PAGE_WIDTH, PAGE_HEIGHT, MARGIN = 8.27, 11.69, 0.55  # inches: A4
WIDTH = PAGE_WIDTH - 2 * MARGIN
SMALL, BODY, HEADING, TITLE = 6.0, 7.0, 8.0, 13.0  # points
DPI = 160
LINE_WIDTH, FEW = 1.1, 4

# Everything that decides about bytes, whatever the user's own configuration of matplotlib says.
RC: Mapping[str, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": BODY,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": RULE,
    "axes.labelcolor": QUIET,
    "axes.labelsize": SMALL,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.formatter.use_mathtext": False,
    "axes.formatter.useoffset": False,
    "xtick.color": RULE,
    "xtick.labelcolor": QUIET,
    "xtick.labelsize": SMALL,
    "xtick.major.size": 2,
    "xtick.major.width": 0.6,
    "ytick.color": RULE,
    "ytick.labelcolor": QUIET,
    "ytick.labelsize": SMALL,
    "ytick.major.size": 2,
    "ytick.major.width": 0.6,
    "lines.linewidth": LINE_WIDTH,
    "patch.linewidth": 0.7,
    "svg.fonttype": "path",
    "svg.hashsalt": "stepzero",
    "pdf.fonttype": 42,  # TrueType: publishers reject Type 3
    "savefig.dpi": DPI,
    "savefig.facecolor": "white",
}


def colour(place: int) -> str:
    """Return the colour of a gate or a start."""
    return COLOURS[place % len(COLOURS)]


def line_width(place: int, count: int) -> float:
    """Return the width of a start's curve: of a few, each is thinner than those it may cover."""
    return LINE_WIDTH + 0.6 * (count - 1 - place) if count <= FEW else LINE_WIDTH


def dash(place: int) -> Any:
    """Return the line style of a start: after the last colour, the next style begins."""
    return DASHES[place // len(COLOURS) % len(DASHES)]
