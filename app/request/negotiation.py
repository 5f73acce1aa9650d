"""Which format to send: what the request names, else what its Accept header likes best, else `.pt`.

An Accept header that names none of our formats is passed over (RFC 9110, 12.5.1, allows it):
clients that send `application/json` with everything mean the refusals by it, and want the file.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.accept import media_ranges, quality_of
from stepzero_rnn.dtypes import DTypeName
from stepzero_rnn.errors import NotAcceptable
from stepzero_rnn.formats import FORMATS
from stepzero_rnn.spec.checkpoint import FormatName

DEFAULT: FormatName = "pt"
ANY = "application/octet-stream"  # what clients ask for that want a file and know no type


def choose_format(
    named: FormatName | None, accept: str | None, dtype: DTypeName = "float32"
) -> FormatName:
    """Choose a format that can hold the dtype.

    Raises:
        NotAcceptable: the Accept header refuses all of them, or the only ones that it names cannot
            hold the dtype.
    """
    if named is not None:
        return named
    liked = _liked(dict(media_ranges(accept or "")))
    possible = {name: q for name, q in liked.items() if dtype in FORMATS[name].dtypes}
    best = max(
        possible, key=lambda name: possible[name] or 0.0
    )  # the first of equals, so the default
    if possible[best]:
        return best
    left = [name for name, quality in possible.items() if quality is None]
    if not left or any(quality for quality in liked.values()):
        types = [FORMATS[name].media_type for name in possible]
        raise NotAcceptable(given=(accept or "")[:200], allowed=[*types, ANY])
    return left[0]


def _liked(ranges: Mapping[str, float]) -> dict[FormatName, float | None]:
    """Return how much each format is liked; None: nothing is said of it."""
    liked = {name: quality_of(record.media_type, ranges) for name, record in FORMATS.items()}
    if ranges.get(ANY):
        liked[DEFAULT] = max(liked[DEFAULT] or 0.0, ranges[ANY])
    return liked
