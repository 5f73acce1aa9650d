"""The OpenAPI description of each operation: parameters, examples, and every response with its
headers and problems.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.openapi.bodies import CHECKPOINT_BODY
from app.openapi.examples import GRU
from app.problems import problems
from stepzero_rnn.errors import (
    ArraysGone,
    ArraysTooLarge,
    BodyTooLarge,
    Busy,
    DeadOutput,
    DeviceFailed,
    DeviceUnavailable,
    DigestMismatch,
    DtypeNotInFormat,
    EngineFailed,
    InternalError,
    InvalidArrays,
    InvalidRecipe,
    InvalidSpec,
    MalformedForm,
    MalformedJson,
    MissingExtra,
    NetworkNotInFormat,
    NonfiniteOutput,
    NotAcceptable,
    NotAnArrayFile,
    NotReady,
    OutdatedRecipe,
    RangeNotSatisfiable,
    RecipeTooLong,
    SlowRequest,
    StoreUnavailable,
    TooLarge,
    TooMuchWork,
    UnknownFormat,
    UnsupportedMediaType,
)
from stepzero_rnn.formats import FORMATS
from stepzero_rnn.spec.checkpoint import CheckpointRequest, CheckSize, Detailed

Operation = dict[str, Any]

SERVE = (
    DeviceUnavailable,
    NonfiniteOutput,
    DeadOutput,
    TooLarge,
    TooMuchWork,
    DtypeNotInFormat,
    NetworkNotInFormat,
    NotReady,
    Busy,
    DeviceFailed,
    EngineFailed,
    InternalError,
)
TOKEN = (InvalidRecipe, OutdatedRecipe, InvalidSpec, TooLarge, TooMuchWork, InternalError)
KEPT = (ArraysGone, StoreUnavailable)
UPLOAD = (MalformedForm, InvalidArrays, ArraysTooLarge, NotAnArrayFile, MissingExtra, *KEPT)
_BODY = (
    MalformedJson,
    UnsupportedMediaType,
    SlowRequest,
    BodyTooLarge,
    InvalidSpec,
    RecipeTooLong,
    *UPLOAD,
)


def header(description: str, example: str | None = None) -> dict[str, Any]:
    """Describe a header of a response."""
    schema = {"type": "string"} | ({"examples": [example]} if example else {})
    return {"description": description, "schema": schema}


FILE_HEADERS = {
    "Content-Length": header("Exact length of the file.", "8123"),
    "Content-Disposition": header(
        "Name of the file.", 'attachment; filename="gru-10x20-rf58855f9.pt"'
    ),
    "Content-Location": header("Permalink of the file."),
    "Link": header("URL of the checkpoint's statistics, with `rel=describedby`."),
    "ETag": header("Strong entity tag, a function of recipe and format."),
    "Accept-Ranges": header("Always `bytes`."),
    "Cache-Control": header("Caching policy: the bytes of a permalink never change."),
    "Repr-Digest": header("SHA-256 of the whole file, if known."),
    "Stepzero-Crc32": header(
        "CRC-32 (as in zlib) of the whole file in hexadecimal, if the check has computed it.",
        "5c2e9b1f",
    ),
    "Stepzero-Recipe": header("The recipe, as used in permalinks."),
    "Stepzero-Tied-To": header(
        "Library and version that the values depend on; sent for scripts only.", "torch 2.13.0"
    ),
    "Stepzero-Warnings": header(
        "Codes of assumptions made about uploaded arrays, which the plan's `warnings` explain; sent if there are any.",
        "assumed_sigmoid",
    ),
    "Stepzero-Parameters": header("Number of parameters in the checkpoint.", "1920"),
    "Stepzero-Device": header("Device that ran the forward pass.", "cpu"),
    "Stepzero-Draw-Device": header("Device that drew the weights.", "cpu"),
    "Stepzero-Output-Shape": header("Shape of the sanity pass's output.", "16x4x20"),
    "Stepzero-Output-Finite": header("Whether that output is finite.", "true"),
    "Stepzero-Output-Std": header("Standard deviation of that output.", "0.1519"),
    "X-Request-ID": header("Identifies this request in the server's log."),
    "traceresponse": header("The server's span in the W3C trace, if `traceparent` was sent."),
}


_NOT_MODIFIED = {
    "description": "The client's copy is current.",
    "headers": {name: FILE_HEADERS[name] for name in ("ETag", "Cache-Control", "X-Request-ID")},
}


def _file(description: str, **headers: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": description,
        "headers": FILE_HEADERS | headers,
        "content": {
            record.media_type: {"schema": {"type": "string", "format": "binary"}}
            for record in FORMATS.values()
        },
    }


def _parameter(
    name: str, place: str, description: str, schema: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "name": name,
        "in": place,
        "required": False,
        "description": description,
        "schema": schema,
    }


def fields_of(model: type, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Describe fields of a model as query parameters."""
    schema = model.model_json_schema()  # type: ignore[attr-defined]
    rows = []
    for name in names:
        keywords = dict(schema["properties"][name])
        row = _parameter(name, "query", keywords.pop("description", ""), keywords)
        example = {"example": GRU[name]} if name in GRU else {}
        rows.append(row | {"required": name in schema.get("required", [])} | example)
    return rows


_CHECK_QUERY = fields_of(CheckSize, ("seq_len", "batch"))
_OPTIONS = [*fields_of(CheckpointRequest, ("device",)), *_CHECK_QUERY]
_QUERY = [
    *sorted(
        fields_of(
            CheckpointRequest,
            tuple(name for name in CheckpointRequest.model_fields if name not in ("init", "check")),
        ),
        key=lambda row: not row["required"],
    ),
    _parameter(
        "init",
        "query",
        "Name of a preset or scheme, or the `init` object as JSON.",
        {"type": "string"},
    ),
    _parameter("init.preset", "query", "Preset for the parts not named.", {"type": "string"}),
    *(
        _parameter(f"init.{part}", "query", f"Name of the scheme for `{part}`.", {"type": "string"})
        for part in ("weight_ih", "weight_hh", "weight_hr", "bias")
    ),
    *_CHECK_QUERY,
]
_REQUEST_ID = _parameter(
    "X-Request-ID",
    "header",
    "Identifies the request in the server's log; returned with the response, and generated if missing.",
    {"type": "string"},
)
_CONDITIONS = [
    _parameter("Range", "header", "A single range of bytes.", {"type": "string"}),
    _parameter(
        "If-Range", "header", "Send the range only if the entity tag matches.", {"type": "string"}
    ),
    _parameter(
        "If-None-Match", "header", "Respond with 304 if the entity tag matches.", {"type": "string"}
    ),
    _parameter(
        "Want-Repr-Digest",
        "header",
        "`sha-256=1` requests the file's hash, which may take a pass over the file.",
        {"type": "string"},
    ),
]


POST_CHECKPOINT: Operation = {
    "summary": "Make a checkpoint",
    "responses": {
        200: _file(
            "The checkpoint, checked before its first byte is sent.", Vary=header("`Accept`.")
        ),
        **problems(*_BODY, NotAcceptable, *SERVE),
    },
    "openapi_extra": {
        "requestBody": CHECKPOINT_BODY,
        "parameters": [_REQUEST_ID],
    },
}
GET_BY_QUERY: Operation = {
    "summary": "Make a checkpoint from a URL",
    "responses": {
        200: _file("The file, for clients that follow the redirect."),
        303: {
            "description": "Redirect to the permalink.",
            "headers": {
                "Location": header("Permalink of the file."),
                "Vary": header("`Accept`."),
            },
        },
        **problems(
            InvalidSpec,
            RecipeTooLong,
            NotAcceptable,
            DtypeNotInFormat,
            NetworkNotInFormat,
            TooLarge,
            TooMuchWork,
            InternalError,
        ),
    },
    "openapi_extra": {"parameters": _QUERY},
}
GET_RECIPE: Operation = {
    "summary": "Look up what a recipe makes",
    "responses": problems(*TOKEN, *KEPT, DtypeNotInFormat, NetworkNotInFormat),
    "openapi_extra": {
        "parameters": [
            _parameter(
                "sha256",
                "query",
                "Comma-separated formats to compute the SHA-256 for, each with a pass over the file.",
                {"type": "string", "examples": ["pt"]},
            )
        ]
    },
}
GET_SUMMARY: Operation = {
    "summary": "See statistics of the weights",
    "responses": problems(*TOKEN, *KEPT, *SERVE),
    "openapi_extra": {"parameters": [*_OPTIONS, *fields_of(Detailed, ("layer",))]},
}
GET_SPEC: Operation = {
    "summary": "Turn a recipe back into a spec",
    "responses": {
        200: {
            "description": "The canonical spec.",
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/CheckpointRequest"}}
            },
        },
        **problems(*TOKEN),
    },
}
GET_FILE: Operation = {
    "summary": "Download a file by its permalink",
    "responses": {
        200: _file("The whole file, checked before its first byte is sent."),
        206: _file(
            "Part of the file.",
            **{"Content-Range": header("The part that is sent.", "bytes 0-99/8123")},
        ),
        304: _NOT_MODIFIED,
        **problems(UnknownFormat, DigestMismatch, *TOKEN, *KEPT, RangeNotSatisfiable, *SERVE),
    },
    "openapi_extra": {"parameters": [*_OPTIONS, *_CONDITIONS]},
}
HEAD_FILE: Operation = {
    "operation_id": "fetch_checkpoint_headers",
    "summary": "See the headers of a file",
    "description": "Return the headers of a download without drawing or sending the file.",
    "responses": {
        200: {"description": "The headers of the file; nothing is drawn.", "headers": FILE_HEADERS},
        304: _NOT_MODIFIED,
        **problems(UnknownFormat, DigestMismatch, *TOKEN, *KEPT, *SERVE),
    },
    "openapi_extra": {"parameters": [*_OPTIONS, *_CONDITIONS[2:]]},
}
POST_PLAN: Operation = {
    "summary": "See size, tensors and links without making the file",
    "responses": problems(
        *_BODY, DtypeNotInFormat, NetworkNotInFormat, TooLarge, TooMuchWork, InternalError
    ),
    "openapi_extra": {"requestBody": CHECKPOINT_BODY, "parameters": [_REQUEST_ID]},
}
