"""The OpenAPI descriptions of comparisons and recommendations."""

from __future__ import annotations

from typing import Any

from app.openapi.operations import KEPT, Operation
from app.problems import problems
from stepzero_rnn.errors import (
    BodyTooLarge,
    Busy,
    DeviceFailed,
    DeviceUnavailable,
    EngineFailed,
    InternalError,
    InvalidSpec,
    MalformedJson,
    NotReady,
    RecipeTooLong,
    SlowRequest,
    TooLarge,
    TooMuchWork,
    UnsupportedMediaType,
)

_PROBLEMS = problems(
    MalformedJson,
    UnsupportedMediaType,
    SlowRequest,
    BodyTooLarge,
    InvalidSpec,
    RecipeTooLong,
    *KEPT,
    DeviceUnavailable,
    TooLarge,
    TooMuchWork,
    NotReady,
    Busy,
    DeviceFailed,
    EngineFailed,
    InternalError,
)
_NETWORK = {"rnn_type": "lstm", "input_size": 10, "hidden_size": 64}
_STARTS = [
    {"label": "pytorch", "init": "pytorch"},
    {
        "label": "long memory",
        "init": {"weight_hh": "orthogonal", "bias": {"scheme": "chrono", "t_max": 200}},
    },
]


def _body(model: str, example: dict[str, Any]) -> dict[str, Any]:
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": f"#/components/schemas/{model}"},
                    "examples": {"lstm": {"summary": "An LSTM", "value": example}},
                }
            },
        }
    }


POST_COMPARE: Operation = {
    "summary": "Compare several starts of one network",
    "responses": {
        200: {
            "description": "The starts side by side.",
            "content": {
                "text/csv": {
                    "schema": {"type": "string"},
                    "example": "label,score_median,score_min,score_max,…",
                }
            },
        },
        **_PROBLEMS,
    },
    "openapi_extra": _body(
        "ComparisonRequest", {"network": _NETWORK, "seq_len": 200, "starts": _STARTS}
    ),
}
POST_RECOMMEND: Operation = {
    "summary": "Rank all starts of a network",
    "responses": _PROBLEMS,
    "openapi_extra": _body(
        "RecommendationRequest",
        {"network": _NETWORK, "seq_len": 200, "dependency_length": 100},
    ),
}
