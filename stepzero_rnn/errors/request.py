"""Requests that cannot be understood or served as asked."""

from __future__ import annotations

from collections.abc import Iterable

from stepzero_rnn.errors.base import FieldError, StepZeroError
from stepzero_rnn.errors.listing import list_errors


class RequestError(StepZeroError):
    """The request cannot be understood or served as asked."""

    status = 400
    code = "bad_request"
    title = "Bad request"


class MalformedJson(RequestError):
    """The request body is not one JSON document."""

    code = "malformed_json"
    title = "The body is not JSON"


class MalformedHttp(RequestError):
    """The bytes are no HTTP/1.1 request.  The connection is closed."""

    code = "malformed_http"
    title = "This is no HTTP request"

    def __init__(self) -> None:
        super().__init__("What came is no HTTP/1.1 request.")


class HeadTooLarge(RequestError):
    """The address and the headers of the request exceed their limit together.

    The connection is closed.
    """

    status = 431
    code = "head_too_large"
    title = "The head of the request is too large"

    def __init__(self, *, limit_bytes: int, limit_lines: int) -> None:
        super().__init__(
            f"The address and the headers together exceed the limit of {limit_bytes} bytes or of {limit_lines} lines.",
            limit_bytes=limit_bytes,
            limit_lines=limit_lines,
        )


class SlowRequest(RequestError):
    """The request did not come whole in time.  The connection is closed."""

    status = 408
    code = "slow_request"
    title = "The request came too slowly"

    def __init__(self, *, grace_s: float) -> None:
        super().__init__(
            f"The rest of the request was waited for, {grace_s:g} s in all, and did not come.",
            grace_s=grace_s,
        )

    @property
    def headers(self) -> dict[str, str]:
        """Say that nothing more is read."""
        return {"Connection": "close"}


class InvalidSpec(RequestError):
    """One or more fields of the request are wrong.  Nothing was built."""

    status = 422
    code = "invalid_spec"
    title = "The request does not describe a checkpoint"

    def __init__(self, errors: Iterable[FieldError], more: int = 0) -> None:
        listing = list_errors([*errors], more)
        super().__init__(listing.sentence, **listing.facts)


class BodyTooLarge(RequestError):
    """The request body exceeds its limit.  It was not read further."""

    status = 413
    code = "body_too_large"
    title = "The request body is too large"

    def __init__(self, *, limit_bytes: int) -> None:
        super().__init__(
            f"The request body exceeds the limit of {limit_bytes} bytes.", limit_bytes=limit_bytes
        )


class MalformedForm(RequestError):
    """The request body is not one multipart form with a spec and files."""

    code = "malformed_form"
    title = "The body is not a form"

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"The body is not a multipart form: {reason}.", reason=reason)


class UnsupportedMediaType(RequestError):
    """The request body is neither JSON nor a form with files."""

    status = 415
    code = "unsupported_media_type"
    title = "The body must be JSON, or a form with files"

    def __init__(self, *, given: str | None) -> None:
        super().__init__(
            f"The body's Content-Type is {given or 'missing'}; send application/json, or multipart/form-data "
            "with arrays.",
            given=given,
            allowed=["application/json", "multipart/form-data"],
        )


class NotAcceptable(RequestError):
    """The Accept header refuses every format, or names only such as cannot hold this checkpoint."""

    status = 406
    code = "not_acceptable"
    title = "The Accept header leaves no format"

    def __init__(self, *, given: str, allowed: Iterable[str]) -> None:
        listed = list(allowed)
        super().__init__(
            f"Accept: {given} leaves no format for this checkpoint. There is {', '.join(listed)}.",
            given=given,
            allowed=listed,
        )


class FormatMismatch(RequestError):
    """A file's suffix is that of another format than the one named.  Nothing was written."""

    code = "format_mismatch"
    title = "The suffix is another format's"

    def __init__(self, *, file: str, told: str, named: str) -> None:
        super().__init__(
            f"The suffix of {file} says {told}, but the format named is {named}; leave out one of the two.",
            file=file,
            told=told,
            named=named,
        )


class RangeNotSatisfiable(RequestError):
    """The Range header names bytes that this service cannot send."""

    status = 416
    code = "range_not_satisfiable"
    title = "The range cannot be sent"

    def __init__(self, *, given: str, reason: str, length_bytes: int) -> None:
        super().__init__(
            f"Range {given!r} cannot be sent: {reason}; the file has {length_bytes} bytes.",
            given=given,
            length_bytes=length_bytes,
        )

    @property
    def headers(self) -> dict[str, str]:
        """Name the file's whole length, as RFC 9110 asks."""
        return {"Content-Range": f"bytes */{self.facts.get('length_bytes', '*')}"}
