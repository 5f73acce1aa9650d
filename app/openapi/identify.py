"""The OpenAPI description of identifying uploaded arrays."""

from __future__ import annotations

from typing import Any

from app.openapi.bodies import ARRAY_FILES, EACH_IN_A_PART, UPLOAD_FORM
from app.openapi.operations import UPLOAD, Operation
from app.problems import problems
from stepzero_rnn.errors import (
    ArraysGone,
    BodyTooLarge,
    Busy,
    EngineFailed,
    InternalError,
    InvalidSpec,
    NotReady,
    SlowRequest,
    TooLarge,
    UnsupportedMediaType,
)
from stepzero_rnn.spec.arrays import IdentifyOptions

_REFUSALS = (UnsupportedMediaType, SlowRequest, BodyTooLarge, InvalidSpec, TooLarge)
_FAILURES = (NotReady, Busy, EngineFailed, InternalError)


def _form() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "arrays": ARRAY_FILES,
            **IdentifyOptions.model_json_schema()["properties"],
        },
        "additionalProperties": UPLOAD_FORM["additionalProperties"],
    }


POST_IDENTIFY: Operation = {
    "summary": "Find out how given weights were initialized",
    "responses": problems(
        *_REFUSALS, *(error for error in UPLOAD if error is not ArraysGone), *_FAILURES
    ),
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": _form(),
                    "encoding": {"arrays": EACH_IN_A_PART},
                }
            },
        }
    },
}
