"""The OpenAPI description of reports."""

from __future__ import annotations

from app.openapi.operations import FILE_HEADERS, KEPT, SERVE, TOKEN, Operation, fields_of
from app.problems import problems
from stepzero_rnn.errors import MissingExtra
from stepzero_rnn.reports.requests import MEDIA_TYPES, ReportRequest

_NAMES = ("seq_len", "dependency_length", "level", "device", "against")
_HEADERS = ("Content-Length", "Content-Disposition", "X-Request-ID")
_TEXT = {"html", "svg"}


def is_report(path: str) -> bool:
    """Whether a path of the API is that of reports."""
    return path.endswith("/report.{format}")


GET_REPORT: Operation = {
    "summary": "Report on a start, or compare starts",
    "responses": {
        200: {
            "description": "The report, in the format of the path.",
            "headers": {name: FILE_HEADERS[name] for name in _HEADERS},
            "content": {
                media_type.partition(";")[0]: {
                    "schema": {"type": "string"} | ({} if name in _TEXT else {"format": "binary"})
                }
                for name, media_type in MEDIA_TYPES.items()
            },
        },
        **problems(*TOKEN, *KEPT, MissingExtra, *SERVE),
    },
    "openapi_extra": {"parameters": fields_of(ReportRequest, _NAMES)},
}
