"""What every refusal is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field: where it is (JSON pointer), what was given and what is allowed."""

    pointer: str
    code: str
    detail: str
    given: Any = None
    allowed: Any = None


class StepZeroError(Exception):
    """A refusal with a stable `code`, a sentence for people and facts for programs."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "error"
    title: ClassVar[str] = "Error"

    def __init__(self, detail: str, /, **facts: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.facts: Mapping[str, Any] = facts

    @property
    def headers(self) -> dict[str, str]:
        """Give the response headers that belong to this refusal."""
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
