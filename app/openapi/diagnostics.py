"""The OpenAPI descriptions of the diagnostics."""

from __future__ import annotations

from app.openapi.operations import KEPT, SERVE, TOKEN, Operation, fields_of
from app.problems import problems
from stepzero_rnn.diagnostics.options import DiagnosticsRequest
from stepzero_rnn.errors import (
    ArraysTooLarge,
    BodyTooLarge,
    InvalidArrays,
    MalformedForm,
    SlowRequest,
    UnsupportedMediaType,
)

_FIGURES = {
    "name": "figures",
    "in": "query",
    "required": False,
    "description": "Comma-separated figures to measure; by default those of the level.",
    "schema": {"type": "string", "examples": ["echo,gradient"]},
}
_NAMES = ("seq_len", "dependency_length", "level", "layer", "device")
_PARAMETERS = [*fields_of(DiagnosticsRequest, _NAMES), _FIGURES]

GET_DIAGNOSTICS: Operation = {
    "summary": "Diagnose a start before training",
    "responses": problems(*TOKEN, *KEPT, *SERVE),
    "openapi_extra": {"parameters": _PARAMETERS},
}
POST_DIAGNOSTICS: Operation = {
    "summary": "Diagnose a start on inputs of your own",
    "responses": problems(
        *TOKEN,
        *KEPT,
        *SERVE,
        UnsupportedMediaType,
        SlowRequest,
        BodyTooLarge,
        MalformedForm,
        InvalidArrays,
        ArraysTooLarge,
    ),
    "openapi_extra": {
        "parameters": _PARAMETERS,
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["inputs"],
                        "properties": {
                            "inputs": {
                                "type": "string",
                                "format": "binary",
                                "description": "An `.npy` file of floats, of shape (seq_len, sequences, input_size). "
                                "Echo needs at least 32 sequences; more than the level needs are ignored.",
                            }
                        },
                    }
                }
            },
        },
    },
}
