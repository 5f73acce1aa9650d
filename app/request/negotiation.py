"""Content negotiation: the format that the request names, else the one its Accept header prefers,
else `.pt`.

An Accept header that matches no format is ignored, as RFC 9110, 12.5.1, allows: clients that send
`application/json` with every request mean errors by it, and want the file.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.accept import media_ranges, quality_of
from stepzero_rnn.dtypes import DTypeName
from stepzero_rnn.errors import NotAcceptable
from stepzero_rnn.formats import FORMATS
from stepzero_rnn.spec.checkpoint import FormatName

DEFAULT: FormatName = "pt"
ANY = "application/octet-stream"  # sent by clients that want a file of any type


def choose_format(
    named: FormatName | None, accept: str | None, dtype: DTypeName = "float32"
) -> FormatName:
    """Choose a format that can hold the dtype.

    Raises:
        NotAcceptable: the Accept header rejects every format, or names only formats that cannot
            hold the dtype.
    """
    if named is not None:
        return named
    qualities = _qualities(dict(media_ranges(accept or "")))
    possible = {name: q for name, q in qualities.items() if dtype in FORMATS[name].dtypes}
    # Of equals `max` returns the first, so the default.
    best = max(possible, key=lambda name: possible[name] or 0.0)
    if possible[best]:
        return best
    left = [name for name, quality in possible.items() if quality is None]
    if not left or any(quality for quality in qualities.values()):
        types = [FORMATS[name].media_type for name in possible]
        raise NotAcceptable(given=(accept or "")[:200], allowed=[*types, ANY])
    return left[0]


def _qualities(ranges: Mapping[str, float]) -> dict[FormatName, float | None]:
    """Return the quality of each format; None if the header does not mention it."""
    qualities = {name: quality_of(record.media_type, ranges) for name, record in FORMATS.items()}
    if ranges.get(ANY):
        qualities[DEFAULT] = max(qualities[DEFAULT] or 0.0, ranges[ANY])
    return qualities
