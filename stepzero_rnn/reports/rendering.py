"""A report in a format, from what was measured."""

from __future__ import annotations

from collections.abc import Sequence

from stepzero_rnn.engine.thread_pool import Stop
from stepzero_rnn.reports import page, pictures
from stepzero_rnn.reports.contents import contents
from stepzero_rnn.reports.records import Measured
from stepzero_rnn.reports.requests import ReportFormat


def rendered(starts: Sequence[Measured], name: ReportFormat, stop: Stop) -> bytes:
    """Return the file of a report: the same bytes for the same measurements and releases.

    Raises:
        Stopped: `stop` was set.
    """
    with pictures.rendering(stop):
        made = contents(starts)
        match name:
            case "html":
                return page.html(made, stop)
            case "pdf":
                return pictures.pages(made, stop)
            case "svg" | "png":
                return pictures.picture(made, name, stop)
