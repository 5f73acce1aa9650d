"""Errors of uploaded arrays."""

from __future__ import annotations

from collections.abc import Iterable

from stepzero_rnn.errors.base import FieldError, StepZeroError
from stepzero_rnn.errors.listing import list_errors
from stepzero_rnn.errors.request import RequestError

ARRAY_FILES = (".npy", ".npz", ".safetensors", ".onnx", ".h5", ".keras")


class InvalidArrays(RequestError):
    """One or more uploaded arrays are corrupt or do not fit the network.  Nothing was stored."""

    status = 422
    code = "invalid_arrays"
    title = "The arrays do not fit the network"

    def __init__(self, errors: Iterable[FieldError]) -> None:
        listing = list_errors([*errors])
        super().__init__(listing.sentence, **listing.facts)


class ArraysTooLarge(RequestError):
    """The uploaded files, or the arrays in them, exceed a limit.  No memory was allocated."""

    status = 413
    code = "arrays_too_large"
    title = "The arrays are too large"

    def __init__(self, *, file: str, what: str, given: int, limit: int) -> None:
        super().__init__(
            f"{file}: {given} {what}; the limit is {limit}.",
            file=file,
            what=what,
            given=given,
            limit=limit,
        )


class NotAnArrayFile(RequestError):
    """An uploaded file has an unsupported format.  Nothing was unpickled."""

    status = 415
    code = "not_an_array_file"
    title = "Not an array file"

    def __init__(self, *, file: str, kind: str, instead: str) -> None:
        super().__init__(
            f"{file} is {kind}. {instead}",
            file=file,
            kind=kind,
            allowed=[*ARRAY_FILES],
        )


class ArraysGone(StepZeroError):
    """The arrays that a recipe refers to are no longer stored here.

    No other weights are returned instead.
    """

    status = 410
    code = "arrays_gone"
    title = "Uploaded arrays no longer stored"

    def __init__(self, *, sha256: str) -> None:
        super().__init__(
            f"The arrays {sha256} are not stored here. Upload the same arrays again to restore them; "
            "their URL stays the same.",
            sha256=sha256,
        )


class StoreUnavailable(StepZeroError):
    """Uploaded arrays cannot be stored or read at the moment.  All other requests are served."""

    status = 503
    code = "store_unavailable"
    title = "Array storage unavailable"

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"Array storage is unavailable: {reason}.", reason=reason)
