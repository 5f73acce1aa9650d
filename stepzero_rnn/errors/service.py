"""Errors of the server, or of the connection to it."""

from __future__ import annotations

from collections.abc import Sequence

from stepzero_rnn.errors.base import StepZeroError


class NotReady(StepZeroError):
    """The service is starting or stopping; retry later."""

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
        return {"Retry-After": str(self.facts.get("retry_after_s", 1))}


class Busy(NotReady):
    """The server has no capacity for this request at the moment; retry later."""

    code = "busy"
    title = "Busy"

    def __init__(self, *, reason: str, waiting: int, retry_after_s: int) -> None:
        super().__init__(reason=reason, retry_after_s=retry_after_s)
        self.facts = {**self.facts, "waiting": waiting}


class EngineFailed(StepZeroError):
    """The kernels cannot be compiled here, or do not produce the expected values.

    The log has the details.
    """

    status = 503
    code = "engine_failed"
    title = "Engine failed"

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"This server cannot generate weights: {reason}.", reason=reason)


class DeviceFailed(StepZeroError):
    """A device of this server failed.  No other device is used instead; see the log."""

    status = 503
    code = "device_failed"
    title = "Device failed"

    def __init__(self, *, device: str, reason: str) -> None:
        super().__init__(
            f"Device {device} failed: {reason}. Another device can be requested.",
            device=device,
            reason=reason,
        )


class InternalError(StepZeroError):
    """A bug in the service.  The request ID identifies it in the log."""

    code = "internal"
    title = "Internal error"

    def __init__(self) -> None:
        super().__init__("Internal error. The request ID identifies it in the service's log.")


class TransferError(StepZeroError):
    """The server is unreachable, broke off, or sent an unexpected response."""

    code = "transfer"
    title = "The transfer failed"


class MissingExtra(StepZeroError):
    """The request requires packages that are not installed on this machine."""

    status = 501
    code = "missing_extra"
    title = "Part of the installation is missing"

    def __init__(self, *, extra: str, packages: Sequence[str], otherwise: str) -> None:
        lacking = " and ".join(packages)
        are = "are" if len(packages) > 1 else "is"
        super().__init__(
            f"This requires {lacking}, which {are} not installed: "
            f"pip install 'stepzero-rnn[{extra}]', or {otherwise}.",
            extra=extra,
            packages=list(packages),
        )


class CannotListen(StepZeroError):
    """The server cannot start: the address to listen on is unavailable."""

    code = "cannot_listen"
    title = "Cannot listen"

    def __init__(self, *, host: str, port: int, reason: str) -> None:
        where = f"[{host}]" if ":" in host else host
        super().__init__(f"Cannot listen on {where}:{port}: {reason}.", host=host, port=port)
