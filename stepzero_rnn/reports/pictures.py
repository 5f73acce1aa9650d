"""Renders reports with matplotlib: one picture, or A4 pages.

matplotlib's configuration is global, so one report is rendered at a time, and every rendering sets
all of it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any

import matplotlib.style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from stepzero_rnn.engine.thread_pool import Stop
from stepzero_rnn.reports import style, text_bands
from stepzero_rnn.reports.area import Area
from stepzero_rnn.reports.contents import Contents
from stepzero_rnn.reports.panels import Band

WAIT_S = 0.1
_METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": None, "Format": None, "Type": None},
    "png": {"Software": None},
}
_LOCK = Lock()


@contextmanager
def rendering(stop: Stop) -> Iterator[None]:
    """Wait for the turn to render, and set matplotlib's configuration in the block.

    Raises:
        Stopped: `stop` was set while waiting.
    """
    while not _LOCK.acquire(timeout=WAIT_S):
        stop.check()
    try:
        stop.check()
        with matplotlib.style.context(["default", dict(style.RC)]):
            yield
    finally:
        _LOCK.release()


def picture(made: Contents, name: str, stop: Stop) -> bytes:
    """Return a report as one picture, `svg` or `png`."""
    return drawn([*bands(made)], name, made.title, stop, margin=style.MARGIN)


def drawn(each: Sequence[Band], name: str, title: str, stop: Stop, *, margin: float) -> bytes:
    """Return bands below one another as a picture."""
    height = sum(band.height + band.gap for band in each) - each[-1].gap + 2 * margin
    figure = _figure(each, (style.WIDTH + 2 * margin, height), margin, stop)
    file = io.BytesIO()
    figure.savefig(file, format=name, metadata={**_METADATA[name], "Title": title})
    return file.getvalue()


def pages(made: Contents, stop: Stop) -> bytes:
    """Return a report as a PDF of A4 pages."""
    file = io.BytesIO()
    metadata = {"CreationDate": None, "Creator": None, "Producer": None, "Title": made.title}
    with PdfPages(file, metadata=metadata) as document:
        for page in _paged([*bands(made)]):
            size = style.PAGE_WIDTH, style.PAGE_HEIGHT
            document.savefig(_figure(page, size, style.MARGIN, stop))
    return file.getvalue()


def bands(made: Contents) -> Iterator[Band]:
    """Yield everything in a report from top to bottom."""
    yield text_bands.heading(made)
    for table in made.overview:
        yield from text_bands.table(table)
    yield from text_bands.findings(made)
    yield text_bands.checks(made.checks)
    for band in made.bands:
        yield band()
    for table in made.tables:
        yield from text_bands.table(table)
    yield from text_bands.recipes(made.recipes)
    yield text_bands.paragraph(made.footer, style.SMALL, style.QUIET)


def _paged(each: Sequence[Band]) -> Iterator[list[Band]]:
    space = style.PAGE_HEIGHT - 2 * style.MARGIN
    page: list[Band] = []
    used = 0.0
    for band in each:
        if page and used + band.height > space:
            yield page
            page, used = [], 0.0
        page.append(band)
        used += band.height + band.gap
    yield page


def _figure(each: Sequence[Band], size: tuple[float, float], margin: float, stop: Stop) -> Figure:
    figure = Figure(figsize=size)
    FigureCanvasAgg(figure)
    top = margin
    for band in each:
        stop.check()
        band.draw(Area(figure, margin, top, style.WIDTH, band.height))
        top += band.height + band.gap
    return figure
