"""Parses the Accept header (RFC 9110, section 12.5.1)."""

from __future__ import annotations

from collections.abc import Mapping


def prefers(accept: str | None, media_type: str, other: str) -> bool:
    """Return True if an Accept header names a media type and prefers it to another."""
    ranges = dict(media_ranges(accept or ""))
    return ranges.get(media_type, 0.0) > (quality_of(other, ranges) or 0.0)


def media_ranges(accept: str) -> list[tuple[str, float]]:
    """Parse an Accept header into media ranges and their weights, from 0 to 1."""
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


def quality_of(media_type: str, ranges: Mapping[str, float]) -> float | None:
    """Return the weight of the most specific range that matches a media type, or None."""
    kind = media_type.split("/")[0]
    for wanted in (media_type, f"{kind}/*", "*/*"):
        if wanted in ranges:
            return ranges[wanted]
    return None
