"""Completes the OpenAPI document with the models that the routes parse without FastAPI."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.openapi.bodies import UPLOAD_FORM
from app.openapi.reports import is_report
from app.openapi.schemas import PLACE, with_names
from app.openapi.tags import TAGS
from app.problems import Problem
from stepzero_rnn.comparison.requests import ComparisonRequest, RecommendationRequest
from stepzero_rnn.spec.checkpoint import CheckpointRequest


def describe_api(api: FastAPI, complete: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Set the application's OpenAPI document.

    Args:
        complete: adds the requirements on every caller to the document.
    """

    def openapi() -> dict[str, Any]:
        if api.openapi_schema is None:
            document = get_openapi(
                title=api.title,
                version=api.version,
                description=api.description,
                routes=api.routes,
                tags=TAGS,
                servers=[{"url": "/", "description": "This server."}],
            )
            paths = document["paths"]  # reports are matched before files, and described last
            document["paths"] = {path: paths[path] for path in sorted(paths, key=is_report)}
            components = document["components"]["schemas"]
            for model in (CheckpointRequest, ComparisonRequest, RecommendationRequest, Problem):
                schema = model.model_json_schema(ref_template=PLACE)
                components |= schema.pop("$defs", {}) | {model.__name__: schema}
            components["CheckpointUpload"] = UPLOAD_FORM
            api.openapi_schema = complete(with_names(document))
        return api.openapi_schema

    api.openapi = openapi  # type: ignore[method-assign]
