"""Which format to send: what the request names, else what its Accept header likes best, else `.pt`."""

from __future__ import annotations

from app.errors import NotAcceptable
from app.formats import FORMATS
from app.spec.checkpoint import FormatName

DEFAULT: FormatName = "pt"
ANY = "application/octet-stream"  # what clients ask for that want a file and know no type


def choose_format(named: FormatName | None, accept: str | None) -> FormatName:
    """Choose a format.

    Raises:
        NotAcceptable: the Accept header likes none of them.
    """
    if named is not None:
        return named
    if accept is None or not accept.strip():
        return DEFAULT
    ranges = dict(_ranges(accept))
    liked = {name: _quality(record.media_type, ranges) for name, record in FORMATS.items()}
    liked[DEFAULT] = max(liked[DEFAULT], ranges.get(ANY, 0.0))
    best = max(liked, key=lambda name: liked[name])  # the first of equals, so the default
    if liked[best] <= 0:
        types = [record.media_type for record in FORMATS.values()]
        raise NotAcceptable(given=accept[:200], allowed=[*types, ANY])
    return best


def _ranges(accept: str) -> list[tuple[str, float]]:
    return [_range(part) for part in accept.split(",") if part.strip()]


def _range(part: str) -> tuple[str, float]:
    media, *parameters = (piece.strip().lower() for piece in part.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            return media, _weight(parameter[2:])
    return media, 1.0


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0


def _quality(media_type: str, ranges: dict[str, float]) -> float:
    """Give the weight of the most specific range that a media type falls into."""
    kind = media_type.split("/")[0]
    for wanted in (media_type, f"{kind}/*", "*/*"):
        if wanted in ranges:
            return ranges[wanted]
    return 0.0
