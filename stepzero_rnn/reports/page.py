"""A report as one HTML file: text and tables as such, plots as embedded SVG pictures."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from html import escape

from stepzero_rnn.engine.thread_pool import Stop
from stepzero_rnn.reports import style
from stepzero_rnn.reports.contents import Contents
from stepzero_rnn.reports.panels import Band
from stepzero_rnn.reports.pictures import drawn
from stepzero_rnn.reports.stylesheet import page_policy, stylesheet
from stepzero_rnn.reports.tables import Table
from stepzero_rnn.reports.words import advice, name_of

FRAME = 0.12  # inches around a plot


def html(made: Contents, stop: Stop) -> bytes:
    """Return the page."""
    return "\n".join(_lines(made, stop)).encode()


def _lines(made: Contents, stop: Stop) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{escape(page_policy())}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(made.title)} – {escape(made.subtitle)}</title>"
    yield f"<style>{stylesheet()}</style>\n</head>\n<body>\n<main>"
    yield f"<h1>{escape(made.title)}</h1>\n<p class=quiet>{escape(made.subtitle)}</p>"
    if made.facts:
        yield _named(made.facts)
    for table in made.overview:
        yield from _table(table)
    yield from _findings(made)
    for line in made.checks:
        yield f"<p class=quiet>{escape(line)}</p>"
    for band in made.bands:
        yield _plot(band(), made.title, stop)
    for table in made.tables:
        yield from _table(table)
    if made.recipes:
        yield "<h2>Recipes</h2>"
        yield _named(made.recipes)
    yield f"<footer>{escape(made.footer)}</footer>\n</main>\n</body>\n</html>\n"


def _named(pairs: list[tuple[str, str]]) -> str:
    rows = (f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in pairs)
    return "<dl>\n" + "\n".join(rows) + "\n</dl>"


def _findings(made: Contents) -> Iterator[str]:
    yield f"<h2>Findings</h2>\n<p>{escape(made.verdict)}</p>\n<ul>"
    for said in made.findings:
        one, name = said.finding, name_of(said.finding, said.starts)
        evidence = f"<br><small>{escape(one.evidence)}</small>" if one.evidence else ""
        yield f"<li class={one.severity}><b>{escape(name)}</b> {escape(advice(one))}{evidence}</li>"
    yield "</ul>" if made.findings else "</ul>\n<p>No findings.</p>"


def _plot(band: Band, title: str, stop: Stop) -> str:
    svg = drawn([band], "svg", title, stop, margin=FRAME)
    width, height = style.WIDTH + 2 * FRAME, band.height + 2 * FRAME
    size = f'width="{width * 96:.0f}" height="{height * 96:.0f}"'
    return f'<img alt="{escape(band.alt)}" {size} src="{_address(svg)}">'


def _table(made: Table) -> Iterator[str]:
    note = f" <small>{escape(made.note)}</small>" if made.note else ""
    yield f"<h2>{escape(made.title)}{note}</h2>\n<div class=scroll><table>"
    yield f"<tr>{''.join(_cell('th', made, *one) for one in enumerate(made.headers))}</tr>"
    for place, row in enumerate(made.rows):
        first = f"<td>{_swatch(place)}{escape(row[0])}</td>" if made.coloured else ""
        rest = enumerate(row) if not first else enumerate(row[1:], 1)
        yield f"<tr>{first}{''.join(_cell('td', made, *one) for one in rest)}</tr>"
    yield "</table></div>"


def _swatch(place: int) -> str:
    """Return the line of a start as the plots draw it."""
    dash = style.dash(place)
    dashes = "" if isinstance(dash, str) else " ".join(f"{2 * part:g}" for part in dash[1])
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="26" height="8">'
        f'<path d="M0 4H26" stroke="{style.colour(place)}" stroke-width="3" '
        f'stroke-dasharray="{dashes or "none"}"/></svg>'
    )
    return f'<img class=swatch alt="" width="26" height="8" src="{_address(svg.encode())}">'


def _address(svg: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"


def _cell(tag: str, made: Table, place: int, text: str) -> str:
    kind = "" if made.is_text(place) else " class=number"
    return f"<{tag}{kind}>{escape(text)}</{tag}>"
