"""Errors in the form that clients of the Hugging Face Hub understand.

They read the kind of a 404 from a header, and send a request again after a 429 only.
"""

from __future__ import annotations

from typing import Any

from stepzero_rnn.errors.base import StepZeroError
from stepzero_rnn.errors.missing import NotFound

MAX_HEADER_CHARS = 400


def header_text(text: str) -> str:
    """Return a message as one line of ASCII that fits into a header."""
    line = " ".join(text.split())[:MAX_HEADER_CHARS]
    return "".join(char if " " <= char <= "~" else "?" for char in line)


class RepoNotFound(NotFound):
    """No recipe has this repository id."""

    code = "repo_not_found"
    title = "Repository not found"
    hub_code = "RepoNotFound"

    def __init__(self, *, given: str, reason: str) -> None:
        super().__init__(f"There is no repository {given[:200]!r}: {reason}", given=given)

    @property
    def headers(self) -> dict[str, str]:
        return {"X-Error-Code": self.hub_code, "X-Error-Message": header_text(self.detail)}


class RevisionNotFound(RepoNotFound):
    """The repository has no such revision."""

    code = "revision_not_found"
    title = "Revision not found"
    hub_code = "RevisionNotFound"

    def __init__(self, *, given: str, allowed: list[str], reason: str = "") -> None:
        said = reason or f"It has {' and '.join(allowed)}."
        StepZeroError.__init__(
            self, f"There is no revision {given[:200]!r}. {said}", given=given, allowed=allowed
        )


class EntryNotFound(RepoNotFound):
    """The repository has no such file at this commit."""

    code = "entry_not_found"
    title = "File not found"
    hub_code = "EntryNotFound"

    def __init__(self, *, given: str, allowed: list[str], commit: str) -> None:
        StepZeroError.__init__(
            self,
            f"There is no file {given[:200]!r}. Files: {', '.join(allowed)}.",
            given=given,
            allowed=allowed,
            commit=commit,
        )

    @property
    def headers(self) -> dict[str, str]:
        """The commit too, for which clients remember that there is no such file."""
        return super().headers | {"X-Repo-Commit": str(self.facts.get("commit", ""))}


class TryLater(StepZeroError):
    """The weights cannot be sent yet; retry later."""

    status = 429
    code = "try_later"
    title = "Not ready yet"

    def __init__(self, *, reason: str, retry_after_s: int, **facts: Any) -> None:
        super().__init__(
            f"Not ready yet: {reason}. Try again in {retry_after_s} s.",
            reason=reason,
            retry_after_s=retry_after_s,
            **facts,
        )

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.facts.get("retry_after_s", 1))}
