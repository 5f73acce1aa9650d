"""The Range header of RFC 9110, limited to a single range of bytes."""

from __future__ import annotations

import re

from stepzero_rnn.errors import RangeNotSatisfiable

_RANGE = re.compile(r"bytes[ \t]*=[ \t]*(.*)", re.IGNORECASE | re.DOTALL)
_ONE = re.compile(r"([0-9]{0,19})-([0-9]{0,19})")


def wanted_range(
    header: str | None, if_range: str | None, *, etag: str, length: int
) -> range | None:
    """Return the requested range of bytes, or None for the whole file.

    A unit other than bytes, or an If-Range that does not match, requests the whole file.

    Raises:
        RangeNotSatisfiable: there are several ranges, or the range is malformed, reversed or beyond
            the end.
    """
    unit = _RANGE.fullmatch(header.strip()) if header else None
    if header is None or unit is None or (if_range is not None and if_range.strip() != etag):
        return None
    return _parse(unit[1].strip(), header[:200], length)


def _parse(text: str, header: str, length: int) -> range:
    def refuse(reason: str) -> RangeNotSatisfiable:
        return RangeNotSatisfiable(given=header, reason=reason, length_bytes=length)

    if "," in text:
        raise refuse("only a single range is supported")
    one = _ONE.fullmatch(text)
    if one is None or not (one[1] or one[2]):
        raise refuse("it does not have the form first-last, first- or -count")
    if not one[1]:
        count = int(one[2])
        if count == 0:
            raise refuse("it asks for the last 0 bytes")
        return range(max(length - count, 0), length)
    first, last = int(one[1]), int(one[2]) if one[2] else length - 1
    if one[2] and last < first:
        raise refuse("it ends before it begins")
    if first >= length:
        raise refuse("it begins after the end")
    return range(first, min(last + 1, length))
