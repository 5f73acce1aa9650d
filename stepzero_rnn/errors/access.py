"""Who may ask, where, and how much."""

from __future__ import annotations

from stepzero_rnn.errors.base import StepZeroError
from stepzero_rnn.errors.request import RequestError


class UnknownHost(RequestError):
    """The Host header is none of this service's names."""

    code = "unknown_host"
    title = "This service has another name"

    def __init__(self, *, given: str) -> None:
        super().__init__(f"This service does not go by the name {given!r}.", given=given)


class InvalidHost(RequestError):
    """The request has no Host header, or several, or one that is no host."""

    code = "invalid_host"
    title = "The Host header is wrong"

    def __init__(self, *, count: int, given: str | None = None) -> None:
        said = f"it has {count} of them" if given is None else f"{given!r} is none"
        super().__init__(f"A request names one host; {said}.", count=count, given=given)


class Unauthenticated(StepZeroError):
    """The request brings no API key, or one that is not good here."""

    status = 401
    code = "unauthenticated"
    title = "An API key is needed"

    def __init__(self, *, given: bool) -> None:
        said = "The API key is not good here" if given else "An API key is needed"
        super().__init__(
            f"{said}; send one as `Authorization: Bearer KEY` or `X-API-Key: KEY`.",
            key_given=given,
        )

    @property
    def headers(self) -> dict[str, str]:
        """Name the way to authenticate, as RFC 9110 and RFC 6750 ask."""
        wrong = ', error="invalid_token"' if self.facts.get("key_given") else ""
        return {"WWW-Authenticate": f'Bearer realm="Step Zero"{wrong}'}


class Throttled(StepZeroError):
    """The caller asks for more than its share; ask again later."""

    status = 429
    code = "throttled"
    title = "More than one caller's share"

    @property
    def headers(self) -> dict[str, str]:
        """Say when to ask again."""
        return {"Retry-After": str(self.facts.get("retry_after_s", 1))}


class TooManyRequests(Throttled):
    """The caller has sent as many requests as it may in this window of time."""

    code = "too_many_requests"

    def __init__(self, *, limit: int, window_s: int, retry_after_s: int) -> None:
        super().__init__(
            f"At most {limit} requests in {window_s} s are served to one caller. Try again in {retry_after_s} s.",
            limit=limit,
            window_s=window_s,
            retry_after_s=retry_after_s,
        )


class TooManyBytes(Throttled):
    """The caller's downloads under way, and this one, are more bytes than it may have at once."""

    code = "too_many_bytes"

    def __init__(
        self, *, asked_bytes: int, held_bytes: int, limit_bytes: int, retry_after_s: int
    ) -> None:
        super().__init__(
            f"This file's {asked_bytes} bytes, beside {held_bytes} under way, exceed the {limit_bytes} that one caller "
            f"may have at once. Try again in {retry_after_s} s.",
            asked_bytes=asked_bytes,
            held_bytes=held_bytes,
            limit_bytes=limit_bytes,
            retry_after_s=retry_after_s,
        )
