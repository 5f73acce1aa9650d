"""Uploaded arrays that cannot be read, or do not fit the network."""

from __future__ import annotations

from collections.abc import Iterable

from stepzero_rnn.errors.base import FieldError, StepZeroError
from stepzero_rnn.errors.listing import list_errors
from stepzero_rnn.errors.request import RequestError


class InvalidArrays(RequestError):
    """One or more uploaded arrays are broken or do not fit the network.  Nothing was kept."""

    status = 422
    code = "invalid_arrays"
    title = "The arrays do not fit the network"

    def __init__(self, errors: Iterable[FieldError]) -> None:
        listing = list_errors([*errors])
        super().__init__(listing.sentence, **listing.facts)


class ArraysTooLarge(RequestError):
    """The uploaded files, or the arrays in them, exceed a limit.  No memory was taken for them."""

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
    """An uploaded file is of no kind that is read here.  Nothing in it was unpickled."""

    status = 415
    code = "not_an_array_file"
    title = "Not a file of arrays"

    def __init__(self, *, file: str, kind: str, instead: str) -> None:
        super().__init__(
            f"{file} is {kind}. {instead}",
            file=file,
            kind=kind,
            allowed=[".npy", ".npz", ".safetensors"],
        )


class ArraysGone(StepZeroError):
    """The arrays that a recipe names are not kept here any more.

    No other weights are sent instead.
    """

    status = 410
    code = "arrays_gone"
    title = "The uploaded arrays are gone"

    def __init__(self, *, sha256: str) -> None:
        super().__init__(
            f"The arrays {sha256} are not kept here. Uploaded again, they have the same address.",
            sha256=sha256,
        )


class StoreUnavailable(StepZeroError):
    """Uploaded arrays cannot be kept or fetched at the moment.  All that needs none is served."""

    status = 503
    code = "store_unavailable"
    title = "Uploaded arrays cannot be kept or fetched"

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"Uploaded arrays cannot be kept or fetched: {reason}.", reason=reason)
