"""What is asked for by name and is not there."""

from __future__ import annotations

from collections.abc import Iterable

from stepzero_rnn.errors.base import StepZeroError


class NotFound(StepZeroError):
    """No such page."""

    status = 404
    code = "not_found"
    title = "Not found"


class InvalidRecipe(NotFound):
    """The recipe token is altered, cut or not a token at all.

    No other weights are sent instead.
    """

    code = "invalid_recipe"
    title = "The recipe in the address is not valid"

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"The recipe in the address is not valid: {reason}.", reason=reason)


class UnknownFormat(NotFound):
    """No format has this file extension."""

    code = "unknown_format"
    title = "Unknown file extension"

    def __init__(self, *, given: str, allowed: Iterable[str]) -> None:
        listed = list(allowed)
        super().__init__(
            f"No format has the file extension {given!r}. There is {', '.join(listed)}.",
            given=given,
            allowed=listed,
        )


class DigestMismatch(NotFound):
    """The file's name ends in a sha256 that its bytes do not have."""

    code = "digest_mismatch"
    title = "The hash in the file name is not the file's"

    def __init__(self, *, given: str, sha256: str) -> None:
        super().__init__(
            f"The file name says sha256 {given}…, but this recipe's file has {sha256}.",
            given=given,
            sha256=sha256,
        )


class OutdatedRecipe(StepZeroError):
    """The recipe token is of a stream version that this server does not draw."""

    status = 410
    code = "recipe_version"
    title = "The recipe is of another stream version"

    def __init__(self, *, given: int, allowed: Iterable[int]) -> None:
        listed = list(allowed)
        super().__init__(
            f"The recipe asks for stream version {given}; this server draws {listed}.",
            given=given,
            allowed=listed,
        )


class MethodNotAllowed(StepZeroError):
    """The page exists, the method does not."""

    status = 405
    code = "method_not_allowed"
    title = "Method not allowed"

    def __init__(self, *, method: str, path: str, allowed: Iterable[str]) -> None:
        listed = list(allowed)
        super().__init__(
            f"{method} is not for {path}; {', '.join(listed)} is.", given=method, allowed=listed
        )

    @property
    def headers(self) -> dict[str, str]:
        """Name the methods, as RFC 9110 asks."""
        return {"Allow": ", ".join(self.facts.get("allowed", []))}
