"""Errors of names and paths that do not exist."""

from __future__ import annotations

from collections.abc import Iterable

from stepzero_rnn.errors.base import StepZeroError


class NotFound(StepZeroError):
    """The path does not exist."""

    status = 404
    code = "not_found"
    title = "Not found"


class InvalidRecipe(NotFound):
    """The recipe token is altered, truncated or malformed.

    No other weights are returned instead.
    """

    code = "invalid_recipe"
    title = "Invalid recipe"

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"The recipe is not valid: {reason}.", reason=reason)


class UnknownFormat(NotFound):
    """No format has this file extension."""

    code = "unknown_format"
    title = "Unknown file extension"

    def __init__(self, *, given: str, allowed: Iterable[str]) -> None:
        listed = list(allowed)
        super().__init__(
            f"Unknown file extension {given!r}. Available: {', '.join(listed)}.",
            given=given,
            allowed=listed,
        )


class DigestMismatch(NotFound):
    """The SHA-256 prefix in the file name does not match the file."""

    code = "digest_mismatch"
    title = "SHA-256 mismatch"

    def __init__(self, *, given: str, sha256: str) -> None:
        super().__init__(
            f"The file name contains SHA-256 {given}…, but this recipe's file has {sha256}.",
            given=given,
            sha256=sha256,
        )


class OutdatedRecipe(StepZeroError):
    """The recipe token uses a stream version that is not supported here."""

    status = 410
    code = "recipe_version"
    title = "Unsupported stream version"

    def __init__(self, *, given: int, allowed: Iterable[int]) -> None:
        listed = list(allowed)
        super().__init__(
            f"The recipe uses stream version {given}; supported: {', '.join(map(str, listed))}.",
            given=given,
            allowed=listed,
        )


class MethodNotAllowed(StepZeroError):
    """The path exists, the method does not."""

    status = 405
    code = "method_not_allowed"
    title = "Method not allowed"

    def __init__(self, *, method: str, path: str, allowed: Iterable[str]) -> None:
        listed = list(allowed)
        super().__init__(
            f"{method} is not allowed for {path}. Allowed: {', '.join(listed)}.",
            given=method,
            allowed=listed,
        )

    @property
    def headers(self) -> dict[str, str]:
        """The allowed methods, as RFC 9110 requires."""
        return {"Allow": ", ".join(self.facts.get("allowed", []))}
