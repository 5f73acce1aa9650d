"""What OpenAPI says of each operation: parameters, examples, every answer with its headers and
problems.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.openapi.examples import examples
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
from stepzero_rnn.spec.arrays import UploadOptions
from stepzero_rnn.spec.checkpoint import CheckpointRequest, CheckSize, Detailed

Operation = dict[str, Any]

_SERVE = (
    DeviceUnavailable,
    NonfiniteOutput,
    DeadOutput,
    TooLarge,
    TooMuchWork,
    DtypeNotInFormat,
    NotReady,
    Busy,
    DeviceFailed,
    EngineFailed,
    InternalError,
)
_TOKEN = (InvalidRecipe, OutdatedRecipe, InvalidSpec, TooLarge, TooMuchWork, InternalError)
_KEPT = (ArraysGone, StoreUnavailable)
_UPLOAD = (MalformedForm, InvalidArrays, ArraysTooLarge, NotAnArrayFile, *_KEPT)
_BODY = (
    MalformedJson,
    UnsupportedMediaType,
    SlowRequest,
    BodyTooLarge,
    InvalidSpec,
    RecipeTooLong,
    *_UPLOAD,
)


def _header(description: str, example: str | None = None) -> dict[str, Any]:
    schema = {"type": "string"} | ({"examples": [example]} if example else {})
    return {"description": description, "schema": schema}


FILE_HEADERS = {
    "Content-Length": _header("Exact length, known before anything is drawn.", "8123"),
    "Content-Disposition": _header(
        "The file's name.", 'attachment; filename="gru-10x20-rf58855f9.pt"'
    ),
    "Content-Location": _header("The file's permalink."),
    "Link": _header("The statistics, as rel=describedby."),
    "ETag": _header("Strong: a function of recipe and format."),
    "Accept-Ranges": _header("Always bytes."),
    "Cache-Control": _header("A permalink's bytes never change."),
    "Repr-Digest": _header("sha-256 of the whole file, where it is known."),
    "Stepzero-Crc32": _header(
        "CRC-32 (zlib's) of the whole file, in hexadecimal, where the check has told it.",
        "5c2e9b1f",
    ),
    "Stepzero-Recipe": _header("The recipe as it stands in permalinks."),
    "Stepzero-Tied-To": _header(
        "The library whose bits a script's numbers are; otherwise missing.", "torch 2.13.0"
    ),
    "Stepzero-Warnings": _header(
        "Codes of what was taken for granted of uploaded arrays, as a plan's `warnings` has them in words; otherwise missing.",
        "assumed_sigmoid",
    ),
    "Stepzero-Parameters": _header("How many numbers the checkpoint holds.", "1920"),
    "Stepzero-Device": _header("Where the forward pass ran.", "cpu"),
    "Stepzero-Draw-Device": _header("Where the weights were drawn.", "cpu"),
    "Stepzero-Output-Shape": _header("Shape of the sanity pass's output.", "16x4x20"),
    "Stepzero-Output-Finite": _header("Whether that output is finite.", "true"),
    "Stepzero-Output-Std": _header("Standard deviation of that output.", "0.1519"),
    "X-Request-ID": _header("Names this request in the server's log."),
    "traceresponse": _header("The step of a W3C trace, where a `traceparent` was given."),
}


_NOT_MODIFIED = {
    "description": "The caller has this file.",
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


def _fields(model: type, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Describe fields of a model as query parameters."""
    schema = model.model_json_schema()  # type: ignore[attr-defined]
    rows = []
    for name in names:
        facts = dict(schema["properties"][name])
        row = _parameter(name, "query", facts.pop("description", ""), facts)
        rows.append(row | {"required": name in schema.get("required", [])})
    return rows


_CHECK_QUERY = _fields(CheckSize, ("seq_len", "batch"))
_OPTIONS = [*_fields(CheckpointRequest, ("device",)), *_CHECK_QUERY]
_QUERY = [
    *_fields(
        CheckpointRequest,
        tuple(name for name in CheckpointRequest.model_fields if name not in ("init", "check")),
    ),
    _parameter(
        "init",
        "query",
        "A preset's or a scheme's name, or the `init` object as JSON.",
        {"type": "string"},
    ),
    _parameter("init.preset", "query", "The preset of the parts not named.", {"type": "string"}),
    *(
        _parameter(f"init.{part}", "query", f"The scheme of `{part}`, by name.", {"type": "string"})
        for part in ("weight_ih", "weight_hh", "weight_hr", "bias")
    ),
    *_CHECK_QUERY,
]
_REQUEST_ID = _parameter(
    "X-Request-ID",
    "header",
    "Names the request in the server's log, and comes back with the answer; made up where it is not given.",
    {"type": "string"},
)
_CONDITIONS = [
    _parameter("Range", "header", "One range of bytes.", {"type": "string"}),
    _parameter("If-Range", "header", "Send the range only if the tag is this.", {"type": "string"}),
    _parameter("If-None-Match", "header", "Answer 304 if the tag is this.", {"type": "string"}),
    _parameter(
        "Want-Repr-Digest", "header", "`sha-256=1` computes the file's hash.", {"type": "string"}
    ),
]


def _form() -> dict[str, Any]:
    """Describe a spec with files, so that Swagger UI offers to choose them."""
    options = UploadOptions.model_json_schema(ref_template="#/components/schemas/{model}")
    return {
        "type": "object",
        "required": ["spec"],
        "properties": {
            "spec": {
                "$ref": "#/components/schemas/CheckpointRequest",
                "examples": [{"rnn_type": "gru", "input_size": 10, "hidden_size": 20}],
            },
            "arrays": {
                "type": "array",
                "items": {"type": "string", "format": "binary"},
                "description": "Files of arrays: `.npy` (named after its array), `.npz` or `.safetensors`.",
            },
            **options["properties"],
        },
        "additionalProperties": {
            "type": "string",
            "format": "binary",
            "description": "An `.npy` file, the field named after the array: `weight_ih_l0`.",
        },
    }


UPLOAD_FORM = _form()
_REQUEST_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"$ref": "#/components/schemas/CheckpointRequest"},
            "examples": examples(),
        },
        "multipart/form-data": {
            "schema": {"$ref": "#/components/schemas/CheckpointUpload"},
            "encoding": {
                "spec": {"contentType": "application/json"},
                "redraw": {"contentType": "application/json"},
            },
        },
    },
}


POST_CHECKPOINT: Operation = {
    "summary": "Make a checkpoint",
    "responses": {
        200: _file("The checkpoint, checked before the first byte.", Vary=_header("Accept.")),
        **problems(*_BODY, NotAcceptable, *_SERVE),
    },
    "openapi_extra": {
        "requestBody": _REQUEST_BODY,
        "parameters": [_REQUEST_ID],
    },
}
GET_BY_QUERY: Operation = {
    "summary": "Find the permalink of a checkpoint",
    "responses": {
        200: _file("The file, after the redirection: what browsers and most clients show."),
        303: {
            "description": "The permalink.",
            "headers": {"Location": _header("The permalink of the file.")},
        },
        **problems(
            InvalidSpec, RecipeTooLong, DtypeNotInFormat, TooLarge, TooMuchWork, InternalError
        ),
    },
    "openapi_extra": {"parameters": _QUERY},
}
GET_RECIPE: Operation = {
    "summary": "Describe a checkpoint",
    "responses": problems(*_TOKEN, *_KEPT, DtypeNotInFormat),
    "openapi_extra": {
        "parameters": [
            _parameter(
                "sha256",
                "query",
                "Formats, parted by commas, whose hash shall be computed (a pass over the file each).",
                {"type": "string", "examples": ["pt"]},
            )
        ]
    },
}
GET_SUMMARY: Operation = {
    "summary": "Get the statistics of a checkpoint",
    "responses": problems(*_TOKEN, *_KEPT, *_SERVE),
    "openapi_extra": {"parameters": [*_OPTIONS, *_fields(Detailed, ("layer",))]},
}
GET_SPEC: Operation = {
    "summary": "Get the spec of a checkpoint",
    "responses": {
        200: {
            "description": "The canonical spec.",
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/CheckpointRequest"}}
            },
        },
        **problems(*_TOKEN),
    },
}
GET_FILE: Operation = {
    "summary": "Download a file",
    "responses": {
        200: _file("The whole file, checked before the first byte."),
        206: _file(
            "Part of the file.", **{"Content-Range": _header("Which part.", "bytes 0-99/8123")}
        ),
        304: _NOT_MODIFIED,
        **problems(UnknownFormat, DigestMismatch, *_TOKEN, *_KEPT, RangeNotSatisfiable, *_SERVE),
    },
    "openapi_extra": {"parameters": [*_OPTIONS, *_CONDITIONS]},
}
HEAD_FILE: Operation = {
    "operation_id": "fetch_checkpoint_headers",
    "summary": "Look at a file's headers",
    "responses": {
        200: {"description": "The file's headers; nothing is built.", "headers": FILE_HEADERS},
        304: _NOT_MODIFIED,
        **problems(UnknownFormat, DigestMismatch, *_TOKEN, *_KEPT, *_SERVE),
    },
    "openapi_extra": {"parameters": [*_OPTIONS, *_CONDITIONS[2:]]},
}
POST_PLAN: Operation = {
    "summary": "Plan a checkpoint, without making it",
    "responses": problems(*_BODY, DtypeNotInFormat, TooLarge, TooMuchWork, InternalError),
    "openapi_extra": {"requestBody": _REQUEST_BODY, "parameters": [_REQUEST_ID]},
}
