"""The base class of all errors, and the description of one wrong field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

MAX_DETAIL_CHARS, MAX_FACT_CHARS = 1600, 400  # however long the input is


def cut(text: str, max_chars: int) -> str:
    """Truncate a long text with an ellipsis."""
    return text if len(text) <= max_chars else text[: max_chars - 1] + "…"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field: where it is (JSON pointer), what was given and what is allowed."""

    pointer: str
    code: str
    detail: str
    given: Any = None
    allowed: Any = None


class StepZeroError(Exception):
    """An error with a stable `code`, a message for people and facts for programs."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "error"
    title: ClassVar[str] = "Error"

    def __init__(self, detail: str, /, **facts: Any) -> None:
        self.detail = cut(detail, MAX_DETAIL_CHARS)
        super().__init__(self.detail)
        self.facts: Mapping[str, Any] = {
            name: cut(fact, MAX_FACT_CHARS) if isinstance(fact, str) else fact
            for name, fact in facts.items()
        }

    @property
    def headers(self) -> dict[str, str]:
        """The response headers that belong to this error."""
        return {}

    def problem(self) -> dict[str, Any]:
        """Render as the members of an RFC 9457 problem document."""
        return {
            "type": f"urn:stepzero:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            **self.facts,
        }
