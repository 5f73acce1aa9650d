"""The text of a report as bands of a picture; the HTML page writes it as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from stepzero_rnn.reports import style
from stepzero_rnn.reports.area import Area, broken, fitted, leading, wrapped
from stepzero_rnn.reports.contents import Contents, Said
from stepzero_rnn.reports.panels import Band
from stepzero_rnn.reports.tables import Table
from stepzero_rnn.reports.words import advice, name_of

NAMES_WIDTH, INDENT = 1.05, 0.12
ROW_HEIGHT, ROWS_PER_BAND = 0.165, 24
MAX_RECIPE_LINES = 4
LINE, TIGHT = leading(style.BODY), 0.07


def heading(made: Contents) -> Band:
    """Return the title, and the facts as names and values."""
    lines = [(name, _value(name, value)) for name, value in made.facts]

    def draw(area: Area) -> None:
        area.text(0, 0, made.title, style.TITLE, weight="bold")
        area.text(0, 0.26, made.subtitle, style.HEADING, color=style.QUIET)
        top = 0.5
        for name, value in lines:
            area.text(0, top, name, color=style.QUIET)
            mono = {"family": "DejaVu Sans Mono"} if name in _TOKENS else {}
            size = style.SMALL if name in _TOKENS else style.BODY
            area.paragraph(NAMES_WIDTH, top, value, size, **mono)
            top += LINE * len(value)

    return Band(0.5 + LINE * sum(len(value) for _, value in lines) + 0.1, draw, made.title)


_TOKENS = ("Recipe", "SHA-256")


def _value(name: str, value: str) -> list[str]:
    width = style.WIDTH - NAMES_WIDTH
    if name == "Recipe":
        return broken(value, width, style.SMALL, most=MAX_RECIPE_LINES)
    if name == "SHA-256":
        return [value]
    return wrapped(value, width, most=3)


def findings(made: Contents) -> Iterator[Band]:
    """Yield a heading with the score, then every finding."""

    def draw(area: Area) -> None:
        area.text(0, 0, "Findings", style.HEADING, weight="bold")
        area.text(0, 0.17, made.verdict)

    yield Band(0.17 + LINE, draw, made.verdict, TIGHT)
    for said in made.findings:
        yield _finding(said)
    if not made.findings:
        yield paragraph("No findings.")


def _finding(said: Said) -> Band:
    finding, head = said.finding, name_of(said.finding, said.starts)
    lines = wrapped(f"{head} {advice(finding)}", style.WIDTH - INDENT, most=5)
    evidence = wrapped(finding.evidence or "", style.WIDTH - INDENT, style.SMALL, most=2)
    evidence = [line for line in evidence if line]

    def draw(area: Area) -> None:
        colour = style.SEVERITIES[finding.severity]
        text = len(lines) * LINE
        area.part(0, 0.01, 0.03, text + len(evidence) * leading(style.SMALL) - 0.03).fill(colour)
        area.paragraph(INDENT, 0, lines)
        area.paragraph(INDENT, text, evidence, style.SMALL, color=style.QUIET)

    height = LINE * len(lines) + leading(style.SMALL) * len(evidence)
    return Band(height, draw, head, TIGHT)


def paragraph(text: str, size: float = style.BODY, color: str = style.INK) -> Band:
    """Return a paragraph."""
    lines = wrapped(text, style.WIDTH, size, most=6)

    def draw(area: Area) -> None:
        area.paragraph(0, 0, lines, size, color=color)

    return Band(leading(size) * len(lines), draw, text)


def checks(sentences: Sequence[str]) -> Band:
    """Return sentences, each on a line of its own."""
    lines = [line for one in sentences for line in wrapped(one, style.WIDTH, most=2)]

    def draw(area: Area) -> None:
        area.paragraph(0, 0.05, lines, color=style.QUIET)

    return Band(0.05 + LINE * len(lines), draw, " ".join(sentences))


def recipes(named: Sequence[tuple[str, str]]) -> Iterator[Band]:
    """Yield the recipe of every start, the first below a title."""
    for place, (name, recipe) in enumerate(named):
        lines = broken(recipe, style.WIDTH - INDENT, style.SMALL, most=MAX_RECIPE_LINES)
        title = "" if place else "Recipes"
        height = LINE * (len(lines) + 1) + (0.24 if title else 0)
        yield Band(height, partial(_recipe, title, style.colour(place), name, lines), name, TIGHT)


def _recipe(title: str, colour: str, name: str, lines: list[str], area: Area) -> None:
    area.text(0, 0, title, style.HEADING, weight="bold")
    top = 0.24 if title else 0.0
    area.text(0, top, fitted(name, style.WIDTH), color=colour)
    look = {"family": "DejaVu Sans Mono", "color": style.QUIET}
    area.paragraph(INDENT, top + LINE, lines, style.SMALL, **look)


def table(made: Table) -> Iterator[Band]:
    """Yield a table in bands of some rows, each below the headers."""
    for first in range(0, len(made.rows), ROWS_PER_BAND):
        rows = made.rows[first : first + ROWS_PER_BAND]
        yield Band(0.26 + ROW_HEIGHT * (len(rows) + 1) + 0.05, _rows(made, rows, first), made.title)


def _rows(made: Table, rows: list[tuple[str, ...]], first: int) -> Callable[[Area], None]:
    title = f"{made.title}, continued" if first else made.title

    def draw(area: Area) -> None:
        area.text(0, 0, title, style.HEADING, weight="bold")
        area.text(area.width, 0.025, made.note, style.SMALL, ha="right", color=style.QUIET)
        left = 0.28 if made.coloured else 0.0
        columns = area.part(left, 0.26, area.width - left, 0).columns(made.shares, 0.08)
        for place, (header, column) in enumerate(zip(made.headers, columns, strict=True)):
            _cell(column, 0, header, is_text=made.is_text(place), color=style.QUIET)
        area.rule(0.26 + ROW_HEIGHT - 0.035)
        for number, row in enumerate(rows, 1):
            top = number * ROW_HEIGHT
            if made.coloured:
                look = {
                    "color": style.colour(first + number - 1),
                    "linestyle": style.dash(first + number - 1),
                }
                area.stroke(0, 0.26 + top + 0.055, 0.2, linewidth=1.6, **look)
            for place, (value, column) in enumerate(zip(row, columns, strict=True)):
                _cell(column, top, value, is_text=made.is_text(place), color=style.INK)

    return draw


def _cell(column: Area, top: float, text: str, *, is_text: bool, color: str) -> None:
    shown = fitted(text, column.width, style.BODY)
    if is_text:
        column.text(0, top, shown, color=color)
    else:
        column.text(column.width, top, shown, color=color, ha="right")
