"""Every error a caller can see, as one tree.

StepZeroError
├── RequestError                 the request is invalid or cannot be served
│   ├── MalformedHttp            400  the data received is not an HTTP/1.1 request
│   ├── HeadTooLarge             431  the request line and headers exceed their limit
│   ├── SlowRequest              408  the request was not received in full in time
│   ├── MalformedJson            400  the body is not JSON
│   ├── InvalidSpec              422  one or more fields are wrong; nothing was built
│   ├── BodyTooLarge             413  the request body exceeds its limit
│   ├── MalformedForm            400  the body is not a multipart form
│   ├── UnsupportedMediaType     415  the body is neither JSON nor a form with files
│   ├── NotAcceptable            406  the Accept header leaves no format
│   ├── InvalidArrays            422  uploaded arrays are corrupt or do not fit the network
│   ├── ArraysTooLarge           413  uploaded files, or the arrays in them, exceed a limit
│   ├── NotAnArrayFile           415  an uploaded file has an unsupported format
│   ├── FormatMismatch           400  (library, client, CLI) suffix and requested format differ
│   ├── InvalidHost              400  the Host header is missing, repeated or not a host name
│   ├── UnknownHost              400  the Host header is not an allowed host name
│   └── RangeNotSatisfiable      416  the Range header cannot be satisfied
├── Unauthenticated              401  the API key is missing or invalid
├── CrossOrigin                  403  a page of another origin used a session's cookie
├── Throttled                    429  the client exceeds one of its limits
│   ├── TooManyRequests          429  too many requests in the time window
│   └── TooManyBytes             429  its concurrent downloads hold too many bytes
├── TryLater                     429  (Hugging Face routes) the weights are not ready yet; retry
├── NotFound                     404  unknown path
│   ├── InvalidRecipe            404  the recipe token is altered, truncated or malformed
│   ├── UnknownFormat            404  no format has this file extension
│   ├── RepoNotFound             404  (Hugging Face routes) no recipe has this repository id
│   ├── RevisionNotFound         404  (Hugging Face routes) the repository has no such revision
│   ├── EntryNotFound            404  (Hugging Face routes) the repository has no such file
│   └── DigestMismatch           404  the file's SHA-256 is not the one in its name
├── ArraysGone                   410  the arrays the recipe refers to are no longer stored
├── OutdatedRecipe               410  the recipe token uses an unsupported stream version
├── MethodNotAllowed             405  the path exists, the method does not
├── RecipeTooLong                422  the recipe does not fit in a URL
├── TooLarge                     413  the checkpoint, or the memory to make it, exceeds a limit
├── TooMuchWork                  413  drawing and checking exceed the compute limit
├── DtypeNotInFormat             422  the file format cannot hold the dtype
├── NetworkNotInFormat           422  the file format cannot express the network
├── DeviceUnavailable            422  this server has no such device
├── NonfiniteOutput              422  the sanity forward pass overflows
├── DeadOutput                   422  the sanity forward pass outputs only zeros
├── NotReady                     503  the service is starting or stopping; retry
│   └── Busy                     503  no capacity at the moment; retry
├── EngineFailed                 503  the kernels do not compile here, or fail the self-test
├── DeviceFailed                 503  a device of this server failed
├── StoreUnavailable             503  uploaded arrays cannot be stored or read
├── InternalError                500  a bug in the service
├── TransferError                —    (client) the server is unreachable or broke off
├── MissingExtra                 501  packages of an optional extra are not installed
└── CannotListen                 —    (`python -m app`) the address to listen on is unavailable

Each class is one reason that a caller can act on: it takes facts as keywords and builds the
message from them.  `code` is never renamed.  `status` is defined on the class, so that there is one
place to look; the HTTP layer only renders it.  Bugs stay plain exceptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepzero_rnn.errors.access import (
    CrossOrigin,
    InvalidHost,
    Throttled,
    TooManyBytes,
    TooManyRequests,
    Unauthenticated,
    UnknownHost,
)
from stepzero_rnn.errors.arrays import (
    ARRAY_FILES,
    ArraysGone,
    ArraysTooLarge,
    InvalidArrays,
    NotAnArrayFile,
    StoreUnavailable,
)
from stepzero_rnn.errors.base import FieldError, StepZeroError
from stepzero_rnn.errors.hub import EntryNotFound, RepoNotFound, RevisionNotFound, TryLater
from stepzero_rnn.errors.listing import MAX_ERRORS, alternatives, readable
from stepzero_rnn.errors.missing import (
    DigestMismatch,
    InvalidRecipe,
    MethodNotAllowed,
    NotFound,
    OutdatedRecipe,
    UnknownFormat,
)
from stepzero_rnn.errors.network import (
    DeadOutput,
    DeviceUnavailable,
    DtypeNotInFormat,
    NetworkNotInFormat,
    NonfiniteOutput,
    RecipeTooLong,
    TooLarge,
    TooMuchWork,
)
from stepzero_rnn.errors.request import (
    BodyTooLarge,
    FormatMismatch,
    HeadTooLarge,
    InvalidSpec,
    MalformedForm,
    MalformedHttp,
    MalformedJson,
    NotAcceptable,
    RangeNotSatisfiable,
    RequestError,
    SlowRequest,
    UnsupportedMediaType,
)
from stepzero_rnn.errors.service import (
    Busy,
    CannotListen,
    DeviceFailed,
    EngineFailed,
    InternalError,
    MissingExtra,
    NotReady,
    TransferError,
)

__all__ = [
    "ARRAY_FILES",
    "BY_CODE",
    "MAX_ERRORS",
    "ArraysGone",
    "ArraysTooLarge",
    "BodyTooLarge",
    "Busy",
    "CannotListen",
    "CrossOrigin",
    "DeadOutput",
    "DeviceFailed",
    "DeviceUnavailable",
    "DigestMismatch",
    "DtypeNotInFormat",
    "EngineFailed",
    "EntryNotFound",
    "FieldError",
    "FormatMismatch",
    "HeadTooLarge",
    "InternalError",
    "InvalidArrays",
    "InvalidHost",
    "InvalidRecipe",
    "InvalidSpec",
    "MalformedForm",
    "MalformedHttp",
    "MalformedJson",
    "MethodNotAllowed",
    "MissingExtra",
    "NetworkNotInFormat",
    "NonfiniteOutput",
    "NotAcceptable",
    "NotAnArrayFile",
    "NotFound",
    "NotReady",
    "OutdatedRecipe",
    "RangeNotSatisfiable",
    "RecipeTooLong",
    "RepoNotFound",
    "RequestError",
    "RevisionNotFound",
    "SlowRequest",
    "StepZeroError",
    "StoreUnavailable",
    "Throttled",
    "TooLarge",
    "TooManyBytes",
    "TooManyRequests",
    "TooMuchWork",
    "TransferError",
    "TryLater",
    "Unauthenticated",
    "UnknownFormat",
    "UnknownHost",
    "UnsupportedMediaType",
    "alternatives",
    "from_problem",
    "readable",
]


def _tree(cls: type[StepZeroError]) -> list[type[StepZeroError]]:
    return [cls, *(leaf for sub in cls.__subclasses__() for leaf in _tree(sub))]


BY_CODE: Mapping[str, type[StepZeroError]] = {cls.code: cls for cls in _tree(StepZeroError)}


def from_problem(problem: Mapping[str, Any]) -> StepZeroError:
    """Rebuild the error that a problem document describes; the base class for unknown codes."""
    standard = {"type", "title", "status", "code", "detail", "instance"}
    facts = {key: value for key, value in problem.items() if key not in standard}
    cls = BY_CODE.get(str(problem.get("code")), StepZeroError)
    error = cls.__new__(cls)
    StepZeroError.__init__(error, str(problem.get("detail", "")), **facts)
    return error
