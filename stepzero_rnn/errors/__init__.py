"""Every refusal a caller can see, as one tree.

StepZeroError
├── RequestError                 the request cannot be understood or served as asked
│   ├── MalformedHttp            400  what came is no HTTP/1.1 request
│   ├── HeadTooLarge             431  the address and headers exceed their limit
│   ├── SlowRequest              408  the request did not come whole in time
│   ├── MalformedJson            400  the body is not JSON
│   ├── InvalidSpec              422  one or more fields are wrong; nothing was built
│   ├── BodyTooLarge             413  the request body exceeds its limit
│   ├── MalformedForm            400  the body is not a multipart form
│   ├── UnsupportedMediaType     415  the body is neither JSON nor a form with files
│   ├── NotAcceptable            406  the Accept header leaves no format
│   ├── InvalidArrays            422  uploaded arrays are broken or do not fit the network
│   ├── ArraysTooLarge           413  uploaded files, or the arrays in them, exceed a limit
│   ├── NotAnArrayFile           415  an uploaded file is of no kind that is read here
│   ├── FormatMismatch           400  (library, client, command line) the suffix is another format's
│   ├── InvalidHost              400  there is no Host header, or several, or it is no host
│   ├── UnknownHost              400  the Host header is none of this service's names
│   └── RangeNotSatisfiable      416  the Range header names bytes that cannot be sent
├── Unauthenticated              401  there is no API key, or one that is not good here
├── Throttled                    429  the caller asks for more than its share
│   ├── TooManyRequests          429  it has sent as many requests as it may
│   └── TooManyBytes             429  its downloads under way are as many bytes as it may have
├── NotFound                     404  no such page
│   ├── InvalidRecipe            404  the recipe token is altered, cut or not a token at all
│   ├── UnknownFormat            404  no format has this file extension
│   └── DigestMismatch           404  the file's sha256 is not the one in its name
├── ArraysGone                   410  the arrays that the recipe names are not kept any more
├── OutdatedRecipe               410  the recipe token is of another stream version
├── MethodNotAllowed             405  the page exists, the method does not
├── RecipeTooLong                422  the recipe does not fit an address
├── TooLarge                     413  the checkpoint, or the memory to make it, exceeds a limit
├── TooMuchWork                  413  drawing and checking take more arithmetic than a limit
├── DtypeNotInFormat             422  the file format cannot hold the dtype
├── DeviceUnavailable            422  this server has no such device
├── NonfiniteOutput              422  the sanity forward pass overflows
├── DeadOutput                   422  the sanity forward pass gives zeros only
├── NotReady                     503  the service starts or stops; ask again
│   └── Busy                     503  what runs leaves no room at the moment; ask again
├── EngineFailed                 503  the kernels do not compile here, or draw other numbers
├── DeviceFailed                 503  a device of this server does not work
├── StoreUnavailable             503  uploaded arrays cannot be kept or fetched
├── InternalError                500  a fault of the service
├── TransferError                —    (client) the server could not be reached or broke off
├── MissingExtra                 —    (library, command line) drawing takes packages not installed
└── CannotListen                 —    (`stepzero serve`) the address to listen on cannot be had

Each class is one reason that a caller can act on: it takes facts as keywords and makes the
sentence. `code` is never renamed.  `status` stands on the class, so there is one place to look; the
HTTP layer only renders it.  Bugs stay plain exceptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepzero_rnn.errors.access import (
    InvalidHost,
    Throttled,
    TooManyBytes,
    TooManyRequests,
    Unauthenticated,
    UnknownHost,
)
from stepzero_rnn.errors.arrays import (
    ArraysGone,
    ArraysTooLarge,
    InvalidArrays,
    NotAnArrayFile,
    StoreUnavailable,
)
from stepzero_rnn.errors.base import FieldError, StepZeroError
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
    "BY_CODE",
    "MAX_ERRORS",
    "ArraysGone",
    "ArraysTooLarge",
    "BodyTooLarge",
    "Busy",
    "CannotListen",
    "DeadOutput",
    "DeviceFailed",
    "DeviceUnavailable",
    "DigestMismatch",
    "DtypeNotInFormat",
    "EngineFailed",
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
    "NonfiniteOutput",
    "NotAcceptable",
    "NotAnArrayFile",
    "NotFound",
    "NotReady",
    "OutdatedRecipe",
    "RangeNotSatisfiable",
    "RecipeTooLong",
    "RequestError",
    "SlowRequest",
    "StepZeroError",
    "StoreUnavailable",
    "Throttled",
    "TooLarge",
    "TooManyBytes",
    "TooManyRequests",
    "TooMuchWork",
    "TransferError",
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
    """Rebuild the error that a problem document describes; an unknown code gives the base class."""
    standard = {"type", "title", "status", "code", "detail", "instance"}
    facts = {key: value for key, value in problem.items() if key not in standard}
    cls = BY_CODE.get(str(problem.get("code")), StepZeroError)
    error = cls.__new__(cls)
    StepZeroError.__init__(error, str(problem.get("detail", "")), **facts)
    return error
