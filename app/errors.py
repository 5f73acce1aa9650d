"""Every refusal a caller can see, as one tree.

StepZeroError
├── RequestError                 the request cannot be understood or served as asked
│   ├── MalformedJson            400  the body is not JSON
│   ├── InvalidSpec              422  one or more fields are wrong; nothing was built
│   ├── BodyTooLarge             413  the request body exceeds its limit
│   ├── UnsupportedMediaType     415  the body is of another type than JSON
│   ├── NotAcceptable            406  no format matches the Accept header
│   └── RangeNotSatisfiable      416  the Range header names bytes that cannot be sent
├── NotFound                     404  no such page
│   ├── InvalidRecipe            404  the recipe token is altered, cut or not a token at all
│   ├── UnknownFormat            404  no format has this file extension
│   └── DigestMismatch           404  the file's sha256 is not the one in its name
├── OutdatedRecipe               410  the recipe token is of another stream version
├── MethodNotAllowed             405  the page exists, the method does not
├── TooLarge                     413  the checkpoint, or the memory to make it, exceeds a limit
├── DtypeNotInFormat             422  the file format cannot hold the dtype
├── DeviceUnavailable            422  this server has no such device
├── NonfiniteOutput              422  the sanity forward pass overflows
├── DeadOutput                   422  the sanity forward pass gives zeros only
├── NotReady                     503  the service starts or stops; ask again
├── EngineFailed                 503  the kernels do not compile here, or draw other numbers
├── DeviceFailed                 503  a device of this server does not work
├── InternalError                500  a fault of the service
└── TransferError                —    (client) the server could not be reached or broke off

Each class is one reason that a caller can act on: it takes facts as keywords and makes the sentence.
`code` is never renamed.  `status` stands on the class, so there is one place to look; the HTTP layer
only renders it.  Bugs stay plain exceptions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
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

    def __init__(self, detail: str, **facts: Any) -> None:
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


class RequestError(StepZeroError):
    """The request cannot be understood or served as asked."""

    status = 400
    code = "bad_request"
    title = "Bad request"


class MalformedJson(RequestError):
    """The request body is not one JSON document."""

    code = "malformed_json"
    title = "The body is not JSON"


class InvalidSpec(RequestError):
    """One or more fields of the request are wrong.  Nothing was built."""

    status = 422
    code = "invalid_spec"
    title = "The request does not describe a checkpoint"

    def __init__(self, errors: Iterable[FieldError]) -> None:
        listed = list(errors)
        super().__init__(
            "; ".join(f"{e.pointer or '/'}: {e.detail}" for e in listed),
            errors=[asdict(e) for e in listed],
        )


class BodyTooLarge(RequestError):
    """The request body exceeds its limit.  It was not read further."""

    status = 413
    code = "body_too_large"
    title = "The request body is too large"

    def __init__(self, *, limit_bytes: int) -> None:
        super().__init__(
            f"The request body exceeds the limit of {limit_bytes} bytes.", limit_bytes=limit_bytes
        )


class UnsupportedMediaType(RequestError):
    """The request body is of another type than JSON."""

    status = 415
    code = "unsupported_media_type"
    title = "The body must be JSON"

    def __init__(self, *, given: str | None) -> None:
        super().__init__(
            f"The body's Content-Type is {given or 'missing'}; send application/json.",
            given=given,
            allowed=["application/json"],
        )


class NotAcceptable(RequestError):
    """No format this service writes matches the Accept header."""

    status = 406
    code = "not_acceptable"
    title = "No format matches the Accept header"

    def __init__(self, *, given: str, allowed: Iterable[str]) -> None:
        listed = list(allowed)
        super().__init__(
            f"Nothing here matches Accept: {given}. There is {', '.join(listed)}.",
            given=given,
            allowed=listed,
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


class NotFound(StepZeroError):
    """No such page."""

    status = 404
    code = "not_found"
    title = "Not found"


class InvalidRecipe(NotFound):
    """The recipe token is altered, cut or not a token at all.  No other weights are sent instead."""

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


class TooLarge(StepZeroError):
    """The checkpoint, or the memory to make it, exceeds a limit.  Nothing was allocated."""

    status = 413
    code = "too_large"
    title = "The checkpoint is too large for this server"

    def __init__(self, *, what: str, planned_bytes: int, limit_bytes: int) -> None:
        super().__init__(
            f"The {what} would take {planned_bytes} bytes; the limit is {limit_bytes}.",
            what=what,
            planned_bytes=planned_bytes,
            limit_bytes=limit_bytes,
        )


class DtypeNotInFormat(StepZeroError):
    """The file format cannot hold the dtype."""

    status = 422
    code = "dtype_not_in_format"
    title = "The format cannot hold the dtype"

    def __init__(self, *, dtype: str, format: str, reason: str, allowed: Iterable[str]) -> None:
        listed = list(allowed)
        super().__init__(
            f"Format {format} cannot hold {dtype}: {reason}. Use one of {', '.join(listed)}.",
            dtype=dtype,
            format=format,
            reason=reason,
            allowed=listed,
        )


class DeviceUnavailable(StepZeroError):
    """This machine has no such device for this dtype.  No other is used instead."""

    status = 422
    code = "device_unavailable"
    title = "No such device here"

    def __init__(self, *, given: str, dtype: str, allowed: Iterable[str]) -> None:
        listed = list(allowed)
        super().__init__(
            f"There is no device {given!r} here for {dtype}. There is {', '.join(listed)}.",
            given=given,
            dtype=dtype,
            allowed=listed,
        )


class NonfiniteOutput(StepZeroError):
    """The sanity forward pass overflows.  Nothing was streamed."""

    status = 422
    code = "nonfinite_output"
    title = "The network's output is not finite"

    def __init__(self, *, layer: int, reason: str) -> None:
        super().__init__(
            f"Layer {layer}: {reason}. To receive it anyway, set accept_nonfinite to true.",
            layer=layer,
            reason=reason,
        )


class DeadOutput(StepZeroError):
    """The sanity forward pass gives zeros only.  Nothing was streamed."""

    status = 422
    code = "dead_output"
    title = "The network's output is zero everywhere"

    def __init__(self, *, layer: int) -> None:
        super().__init__(
            f"Layer {layer} answers every input with zeros, so it cannot learn. "
            "To receive it anyway, set accept_dead to true.",
            layer=layer,
        )


class NotReady(StepZeroError):
    """The service starts or stops; ask again later."""

    status = 503
    code = "not_ready"
    title = "Not ready"

    def __init__(self, *, reason: str, retry_after_s: int) -> None:
        super().__init__(
            f"Not ready: {reason}. Try again in {retry_after_s} s.",
            reason=reason,
            retry_after_s=retry_after_s,
        )

    @property
    def headers(self) -> dict[str, str]:
        """Say when to ask again."""
        return {"Retry-After": str(self.facts.get("retry_after_s", 1))}


class EngineFailed(StepZeroError):
    """The kernels that draw cannot be compiled here, or draw other numbers than they should.  The log says why."""

    status = 503
    code = "engine_failed"
    title = "This server cannot draw"

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"This server cannot draw: {reason}.", reason=reason)


class DeviceFailed(StepZeroError):
    """A device that this server has does not work.  No other is used instead; the log says why."""

    status = 503
    code = "device_failed"
    title = "The device does not work"

    def __init__(self, *, device: str, reason: str) -> None:
        super().__init__(
            f"Device {device} does not work: {reason}. Another may be asked for.",
            device=device,
            reason=reason,
        )


class InternalError(StepZeroError):
    """A fault of the service.  The request id names it in the log."""

    code = "internal"
    title = "A fault of the service"

    def __init__(self) -> None:
        super().__init__("The service failed; the request id names the fault in its log.")


class TransferError(StepZeroError):
    """The server could not be reached, broke off, or answered with something else."""

    code = "transfer"
    title = "The transfer failed"


def _tree(cls: type[StepZeroError]) -> list[type[StepZeroError]]:
    return [cls, *(leaf for sub in cls.__subclasses__() for leaf in _tree(sub))]


BY_CODE: Mapping[str, type[StepZeroError]] = {cls.code: cls for cls in _tree(StepZeroError)}


def from_problem(problem: Mapping[str, Any]) -> StepZeroError:
    """Rebuild the error that a problem document describes; an unknown code gives the base class."""
    standard = {"type", "title", "status", "code", "detail", "instance"}
    facts = {key: value for key, value in problem.items() if key not in standard}
    cls = BY_CODE.get(str(problem.get("code")), StepZeroError)
    error = cls.__new__(cls)
    StepZeroError.__init__(error, str(problem.get("detail", "")), **facts)
    return error
