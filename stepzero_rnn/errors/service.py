"""What a server, or the way to it, cannot do now."""

from __future__ import annotations

from collections.abc import Sequence

from stepzero_rnn.errors.base import StepZeroError


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


class Busy(NotReady):
    """What runs here leaves no room for this request at the moment; ask again later."""

    code = "busy"
    title = "Busy"

    def __init__(self, *, reason: str, waiting: int, retry_after_s: int) -> None:
        super().__init__(reason=reason, retry_after_s=retry_after_s)
        self.facts = {**self.facts, "waiting": waiting}


class EngineFailed(StepZeroError):
    """The kernels that draw cannot be compiled here, or draw other numbers than they should.

    The log says why.
    """

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


class MissingExtra(StepZeroError):
    """What was asked for takes packages that are not installed here."""

    code = "missing_extra"
    title = "Part of the installation is missing"

    def __init__(self, *, extra: str, packages: Sequence[str], otherwise: str) -> None:
        lacking = " and ".join(packages)
        are = "are" if len(packages) > 1 else "is"
        super().__init__(
            f"This takes {lacking}, which {are} not installed: "
            f"pip install 'stepzero-rnn[{extra}]', or {otherwise}.",
            extra=extra,
            packages=list(packages),
        )


class CannotListen(StepZeroError):
    """A server does not start: the address that it should listen on cannot be had."""

    code = "cannot_listen"
    title = "The server cannot listen there"

    def __init__(self, *, host: str, port: int, reason: str) -> None:
        where = f"[{host}]" if ":" in host else host
        super().__init__(f"Cannot listen on {where}:{port}: {reason}.", host=host, port=port)
