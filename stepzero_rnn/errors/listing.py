"""How wrong fields are listed: the first of them, each of a bounded length, and how many there are
more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from stepzero_rnn.errors.base import FieldError, cut

MAX_ERRORS = 32
_MAX_BYTES = 32 << 10  # of JSON
_MAX_SENTENCE_CHARS = 1400
_MAX_POINTER_CHARS, _MAX_DETAIL_CHARS, _MAX_GIVEN_CHARS = 512, 600, 201
_NAMES_SHOWN = 8  # of what is allowed; the list in the facts has all


@dataclass(frozen=True, slots=True)
class Listing:
    """Wrong fields in one sentence, and as facts."""

    sentence: str
    facts: dict[str, Any]


def list_errors(errors: Sequence[FieldError], more: int = 0) -> Listing:
    """List wrong fields.

    Args:
        more: how many there are beside them.
    """
    kept = [*_first(map(_bounded, errors[:MAX_ERRORS]))]
    left_out = len(errors) - len(kept) + more
    facts: dict[str, Any] = {"errors": [asdict(error) for error in kept]}
    if left_out:
        facts["more_errors"] = left_out
    return Listing(_sentence(kept, left_out), facts)


def readable(pointer: str) -> str:
    """Write a JSON pointer for people: without its escapes."""
    return pointer.replace("~1", "/").replace("~0", "~") or "/"


def alternatives(detail: str, allowed: Any) -> str:
    """Name what is allowed, shortened where it is long; nothing where the detail has named it."""
    if not isinstance(allowed, list | tuple) or not all(isinstance(name, str) for name in allowed):
        return ""
    shown = allowed[:_NAMES_SHOWN]
    if all(name in detail for name in shown):
        return ""
    more = len(allowed) - len(shown)
    return f"; allowed: {', '.join(shown)}" + f" and {more} more" * (more > 0)


def _first(errors: Iterable[FieldError]) -> Iterable[FieldError]:
    """Return errors as long as they fit, and the first in any case."""
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
    """Say of each what is wrong; of as many as one can read."""
    said: list[str] = []
    for error in errors:
        text = (
            f"{readable(error.pointer)}: {error.detail}{alternatives(error.detail, error.allowed)}"
        )
        if said and sum(map(len, said)) + len(text) > _MAX_SENTENCE_CHARS:
            break
        said.append(text)
    more = len(errors) - len(said) + left_out
    return "; ".join(said) + f"; and {more} more" * (more > 0)
