"""Errors of networks that cannot be created, stored or used as requested."""

from __future__ import annotations

from collections.abc import Iterable

from stepzero_rnn.errors.base import StepZeroError


class RecipeTooLong(StepZeroError):
    """The recipe does not fit in a URL, usually because it contains literal arrays.

    Nothing was drawn.
    """

    status = 422
    code = "recipe_too_long"
    title = "The recipe is too long"

    def __init__(self, *, length: int, limit: int, unit: str) -> None:
        super().__init__(
            f"The recipe has {length} {unit}; the limit for a URL is {limit}. "
            "Upload its arrays as files instead of writing them into the spec.",
            length=length,
            limit=limit,
            unit=unit,
        )


class TooLarge(StepZeroError):
    """The checkpoint, or the memory to make it, exceeds a limit.  Nothing was allocated."""

    status = 413
    code = "too_large"
    title = "Too large for this server"

    def __init__(
        self, *, what: str, planned_bytes: int, limit_bytes: int, instead: str = ""
    ) -> None:
        sentence = f"The {what} would take {planned_bytes} bytes; the limit is {limit_bytes}."
        super().__init__(
            f"{sentence} {instead}".rstrip(),
            what=what,
            planned_bytes=planned_bytes,
            limit_bytes=limit_bytes,
        )


class TooMuchWork(StepZeroError):
    """Drawing, checking or measuring the network would exceed the compute limit of one request.

    Nothing was started.
    """

    status = 413
    code = "too_much_work"
    title = "Too much computation for this server"

    def __init__(
        self, *, what: str, planned_multiply_adds: int, limit_multiply_adds: int, instead: str
    ) -> None:
        super().__init__(
            f"The {what} would take {planned_multiply_adds:.1e} multiplications; "
            f"the limit is {limit_multiply_adds:.1e}. {instead}",
            what=what,
            planned_multiply_adds=planned_multiply_adds,
            limit_multiply_adds=limit_multiply_adds,
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


class NetworkNotInFormat(StepZeroError):
    """The file format cannot express the network."""

    status = 422
    code = "network_not_in_format"
    title = "The format cannot express the network"

    def __init__(self, *, format: str, reason: str, allowed: Iterable[str]) -> None:
        listed = list(allowed)
        super().__init__(
            f"Format {format} cannot hold this network: {reason}. "
            f"{', '.join(listed)} hold every network.",
            format=format,
            reason=reason,
            allowed=listed,
        )


class DeviceUnavailable(StepZeroError):
    """This machine has no such device for this dtype.  No other device is used instead."""

    status = 422
    code = "device_unavailable"
    title = "Device not available"

    def __init__(self, *, given: str, dtype: str, allowed: Iterable[str]) -> None:
        listed = list(allowed)
        super().__init__(
            f"Device {given!r} is not available for {dtype}. Available: {', '.join(listed)}.",
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
            f"Layer {layer}: {reason}. To get the checkpoint anyway, set accept_nonfinite to true.",
            layer=layer,
            reason=reason,
        )


class DeadOutput(StepZeroError):
    """The sanity forward pass outputs only zeros.  Nothing was streamed."""

    status = 422
    code = "dead_output"
    title = "The network's output is zero everywhere"

    def __init__(self, *, layer: int) -> None:
        super().__init__(
            f"Layer {layer} outputs zeros for every input, so it cannot learn. "
            "To get the checkpoint anyway, set accept_dead to true.",
            layer=layer,
        )
