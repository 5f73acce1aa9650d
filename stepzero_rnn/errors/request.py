"""Errors of requests that are invalid or cannot be served."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stepzero_rnn.errors.base import FieldError, StepZeroError
from stepzero_rnn.errors.listing import list_errors


class RequestError(StepZeroError):
    """The request is invalid or cannot be served."""

    status = 400
    code = "bad_request"
    title = "Bad request"


class MalformedJson(RequestError):
    """The request body is not one JSON document."""

    code = "malformed_json"
    title = "The body is not JSON"


class MalformedHttp(RequestError):
    """The data received is not an HTTP/1.1 request.  The connection is closed."""

    code = "malformed_http"
    title = "Not an HTTP request"

    def __init__(self) -> None:
        super().__init__("The data received is not a valid HTTP/1.1 request.")


class HeadTooLarge(RequestError):
    """The request line and the headers together exceed their limit.

    The connection is closed.
    """

    status = 431
    code = "head_too_large"
    title = "Request line and headers too large"

    def __init__(self, *, limit_bytes: int, limit_lines: int) -> None:
        super().__init__(
            f"The request line and headers exceed the limit of {limit_bytes} bytes "
            f"or {limit_lines} lines.",
            limit_bytes=limit_bytes,
            limit_lines=limit_lines,
        )


class SlowRequest(RequestError):
    """The request was not received in full in time.  The connection is closed."""

    status = 408
    code = "slow_request"
    title = "Request timeout"

    def __init__(self, *, grace_s: float) -> None:
        super().__init__(
            f"The request was not received in full within {grace_s:g} s.", grace_s=grace_s
        )

    @property
    def headers(self) -> dict[str, str]:
        return {"Connection": "close"}


class InvalidSpec(RequestError):
    """One or more fields of the request are invalid.  Nothing was created."""

    status = 422
    code = "invalid_spec"
    title = "Invalid specification"

    def __init__(self, errors: Iterable[FieldError], more: int = 0) -> None:
        listing = list_errors([*errors], more)
        super().__init__(listing.sentence, **listing.facts)


class BodyTooLarge(RequestError):
    """The request body exceeds its limit.  The rest was not read."""

    status = 413
    code = "body_too_large"
    title = "The request body is too large"

    def __init__(self, *, limit_bytes: int) -> None:
        super().__init__(
            f"The request body exceeds the limit of {limit_bytes} bytes.", limit_bytes=limit_bytes
        )


class MalformedForm(RequestError):
    """The request body is not a valid multipart form with a spec and files."""

    code = "malformed_form"
    title = "Malformed form"

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"The body is not a valid multipart form: {reason}.", reason=reason)


class UnsupportedMediaType(RequestError):
    """The request body is neither JSON nor a form with files."""

    status = 415
    code = "unsupported_media_type"
    title = "Unsupported media type"

    def __init__(
        self,
        *,
        given: str | None,
        allowed: Sequence[str] = ("application/json", "multipart/form-data"),
    ) -> None:
        wanted = " or ".join(allowed)
        files = ", which can carry files" if len(allowed) > 1 else ""
        super().__init__(
            f"The Content-Type of the body is {given or 'missing'}; send {wanted}{files}.",
            given=given,
            allowed=[*allowed],
        )


class NotAcceptable(RequestError):
    """The Accept header excludes every format that can hold this checkpoint."""

    status = 406
    code = "not_acceptable"
    title = "Not acceptable"

    def __init__(self, *, given: str, allowed: Iterable[str]) -> None:
        listed = list(allowed)
        super().__init__(
            f"Accept: {given} matches no format for this checkpoint. "
            f"Available: {', '.join(listed)}.",
            given=given,
            allowed=listed,
        )


class FormatMismatch(RequestError):
    """The file's suffix and the requested format differ.  Nothing was written."""

    code = "format_mismatch"
    title = "Suffix and format differ"

    def __init__(self, *, file: str, told: str, named: str) -> None:
        super().__init__(
            f"The suffix of {file} means {told}, but the requested format is {named}; "
            "leave out one of the two.",
            file=file,
            told=told,
            named=named,
        )


class RangeNotSatisfiable(RequestError):
    """The Range header cannot be satisfied."""

    status = 416
    code = "range_not_satisfiable"
    title = "Range not satisfiable"

    def __init__(self, *, given: str, reason: str, length_bytes: int) -> None:
        super().__init__(
            f"Range {given!r} cannot be satisfied: {reason}; the file has {length_bytes} bytes.",
            given=given,
            length_bytes=length_bytes,
        )

    @property
    def headers(self) -> dict[str, str]:
        """The length of the file, as RFC 9110 requires."""
        return {"Content-Range": f"bytes */{self.facts.get('length_bytes', '*')}"}
