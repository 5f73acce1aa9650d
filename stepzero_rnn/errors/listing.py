"""Lists of wrong fields: the first few, each of bounded length, and how many more there are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from stepzero_rnn.errors.base import FieldError, cut

MAX_ERRORS = 32
_MAX_BYTES = 32 << 10  # as JSON
_MAX_SENTENCE_CHARS = 1400
_MAX_POINTER_CHARS, _MAX_DETAIL_CHARS, _MAX_GIVEN_CHARS = 512, 600, 201
_NAMES_SHOWN = 8  # in the message; the facts hold the full list


@dataclass(frozen=True, slots=True)
class Listing:
    """Wrong fields as one sentence, and as facts."""

    sentence: str
    facts: dict[str, Any]


def list_errors(errors: Sequence[FieldError], more: int = 0) -> Listing:
    """List wrong fields.

    Args:
        more: how many others there are that are not in `errors`.
    """
    kept = [*_first(map(_bounded, errors[:MAX_ERRORS]))]
    left_out = len(errors) - len(kept) + more
    facts: dict[str, Any] = {"errors": [asdict(error) for error in kept]}
    if left_out:
        facts["more_errors"] = left_out
    return Listing(_sentence(kept, left_out), facts)


def readable(pointer: str) -> str:
    """Return a JSON pointer without its escapes, for people."""
    return pointer.replace("~1", "/").replace("~0", "~") or "/"


def alternatives(detail: str, allowed: Any) -> str:
    """List the allowed values, shortened if long; empty if the detail already names them."""
    if not isinstance(allowed, list | tuple) or not all(isinstance(name, str) for name in allowed):
        return ""
    shown = allowed[:_NAMES_SHOWN]
    if all(name in detail for name in shown):
        return ""
    more = len(allowed) - len(shown)
    return f"; allowed: {', '.join(shown)}" + f" and {more} more" * (more > 0)


def _first(errors: Iterable[FieldError]) -> Iterable[FieldError]:
    """Yield errors until the size limit is reached, but always the first."""
    size = 0
    for number, error in enumerate(errors):
        size += len(json.dumps(asdict(error)))
        if number and size > _MAX_BYTES:
            return
        yield error


def _bounded(error: FieldError) -> FieldError:
    given = error.given
    return replace(
        error,
        pointer=cut(error.pointer, _MAX_POINTER_CHARS),
        detail=cut(error.detail, _MAX_DETAIL_CHARS),
        given=cut(given, _MAX_GIVEN_CHARS) if isinstance(given, str) else given,
    )


def _sentence(errors: Sequence[FieldError], left_out: int) -> str:
    """Join the details of as many errors as stay readable."""
    details: list[str] = []
    for error in errors:
        text = (
            f"{readable(error.pointer)}: {error.detail}{alternatives(error.detail, error.allowed)}"
        )
        if details and sum(map(len, details)) + len(text) > _MAX_SENTENCE_CHARS:
            break
        details.append(text)
    more = len(errors) - len(details) + left_out
    return "; ".join(details) + f"; and {more} more" * (more > 0)
