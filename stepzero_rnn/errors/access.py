"""Errors of authentication, host names and per-client limits."""

from __future__ import annotations

from stepzero_rnn.errors.base import StepZeroError
from stepzero_rnn.errors.request import RequestError


class UnknownHost(RequestError):
    """The Host header is not one of the service's allowed host names."""

    code = "unknown_host"
    title = "Host not allowed"

    def __init__(self, *, given: str) -> None:
        super().__init__(f"Host {given!r} is not allowed.", given=given)


class InvalidHost(RequestError):
    """The Host header is missing, repeated or not a valid host name."""

    code = "invalid_host"
    title = "Invalid Host header"

    def __init__(self, *, count: int, given: str | None = None) -> None:
        detail = (
            f"A request must have exactly one Host header; this one has {count}."
            if given is None
            else f"Host {given!r} is not a valid host name."
        )
        super().__init__(detail, count=count, given=given)


class Unauthenticated(StepZeroError):
    """The request has no API key, or an invalid one, or a session that has ended."""

    status = 401
    code = "unauthenticated"
    title = "Authentication required"

    def __init__(self, *, given: bool, session_ended: bool = False) -> None:
        missing = "The session has ended" if session_ended else "API key required"
        problem = "Invalid API key" if given else missing
        super().__init__(
            f"{problem}: send a valid key as `Authorization: Bearer KEY` or `X-API-Key: KEY`.",
            key_given=given,
        )

    @property
    def headers(self) -> dict[str, str]:
        """The challenge that RFC 9110 and RFC 6750 require."""
        wrong = ', error="invalid_token"' if self.facts.get("key_given") else ""
        return {"WWW-Authenticate": f'Bearer realm="Step Zero"{wrong}'}


class CrossOrigin(StepZeroError):
    """A page of another origin sent a request that changes something, with a session's cookie."""

    status = 403
    code = "cross_origin"
    title = "Request of another origin"

    def __init__(self, *, given: str | None) -> None:
        super().__init__(
            "A session authenticates requests of this server's own pages only: "
            "send a key as `Authorization: Bearer KEY`.",
            given=given,
        )


class Throttled(StepZeroError):
    """The client exceeds one of its limits and may retry later."""

    status = 429
    code = "throttled"
    title = "Client limit exceeded"

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.facts.get("retry_after_s", 1))}


class TooManyRequests(Throttled):
    """The client has sent too many requests in this time window."""

    code = "too_many_requests"

    def __init__(self, *, limit: int, window_s: int, retry_after_s: int) -> None:
        super().__init__(
            f"A client may send at most {limit} requests in {window_s} s. "
            f"Try again in {retry_after_s} s.",
            limit=limit,
            window_s=window_s,
            retry_after_s=retry_after_s,
        )


class TooManyBytes(Throttled):
    """This download and those in progress exceed the bytes a client may hold at once."""

    code = "too_many_bytes"

    def __init__(
        self, *, asked_bytes: int, held_bytes: int, limit_bytes: int, retry_after_s: int
    ) -> None:
        super().__init__(
            f"The file's {asked_bytes} bytes plus {held_bytes} bytes of downloads in progress exceed "
            f"the limit of {limit_bytes} bytes at once per client. Try again in {retry_after_s} s.",
            asked_bytes=asked_bytes,
            held_bytes=held_bytes,
            limit_bytes=limit_bytes,
            retry_after_s=retry_after_s,
        )
