"""Renders every error as `application/problem+json` (RFC 9457), or as a page for a browser."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, Response

from app.accept import prefers
from app.html.frame import CONTENT_SECURITY_POLICY, home_of
from app.html.problem import problem_page
from app.scope import stats_of
from stepzero_rnn.errors import (
    MethodNotAllowed,
    NotFound,
    RequestError,
    StepZeroError,
)
from stepzero_rnn.spec.parse import refusal_of

PROBLEM_TYPE = "application/problem+json"
ANSWER = "stepzero.answer"  # in a scope: what renders its errors instead of `render`


class WrongField(BaseModel):
    """An invalid field of a request."""

    pointer: str = Field(description="JSON pointer of the field.", examples=["/hidden_size"])
    code: str = Field(description="Stable name of the violated rule.")
    detail: str = Field(description="Human-readable explanation.")
    given: Any = Field(description="The value received, truncated if long.")
    allowed: Any = Field(description="Accepted values, if they can be listed.")


class Problem(BaseModel):
    """An error.  Depending on its code it has further members, such as `limit_bytes`."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:stepzero:problem:invalid_spec"])
    title: str = Field(description="Short summary of the problem type.")
    status: int = Field(description="HTTP status code.")
    code: str = Field(description="Stable, machine-readable problem code.")
    detail: str = Field(description="Human-readable explanation of this occurrence.")
    request_id: str = Field(description="Identifies the request in the server's log.")
    errors: list[WrongField] | None = Field(
        default=None, description="The invalid fields; the list is truncated if long."
    )
    more_errors: int | None = Field(
        default=None, description="Number of invalid fields that are not listed."
    )


def problems(*kinds: type[StepZeroError]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses for kinds of errors, grouped by status."""
    by_status: dict[int | str, list[type[StepZeroError]]] = {}
    for kind in kinds:
        by_status.setdefault(kind.status, []).append(kind)
    return {
        status: {
            "description": " ".join(f"`{kind.code}`: {_first_line(kind)}" for kind in listed),
            "content": {
                PROBLEM_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "examples": {kind.code: {"value": _example(kind)} for kind in listed},
                }
            },
        }
        for status, listed in by_status.items()
    }


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(StepZeroError, _refuse)
    app.add_exception_handler(RequestValidationError, _refuse_parameters)
    app.add_exception_handler(HTTPException, _refuse_route)
    app.add_exception_handler(ClientDisconnect, _let_go)


def render(request: Request, error: StepZeroError) -> Response:
    """Return the response for an error."""
    request_id = request.scope.get("request_id", "")
    stats_of(request).code = error.code
    headers = {**error.headers, "Cache-Control": "no-store", "Vary": "Accept"}
    if _is_for_a_browser(request):
        problem = error.problem() | {"request_id": request_id}
        page = problem_page(problem, home=home_of(request.scope))
        headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return HTMLResponse(page, error.status, headers)
    return Response(document(error, request_id), error.status, headers, PROBLEM_TYPE)


def _is_for_a_browser(request: Request) -> bool:
    """Return True if the client prefers HTML, as browsers do when they navigate."""
    accept = request.headers.get("accept")
    return request.method in ("GET", "HEAD") and prefers(accept, "text/html", PROBLEM_TYPE)


def document(error: StepZeroError, request_id: str) -> bytes:
    """Encode an error as a problem document, in ASCII: input may contain lone surrogates, which
    UTF-8 cannot encode.
    """
    return json.dumps(error.problem() | {"request_id": request_id}, allow_nan=False).encode()


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, StepZeroError)
    answer: Callable[[Request, StepZeroError], Response] = request.scope.get(ANSWER, render)
    return answer(request, error)


async def _refuse_parameters(request: Request, error: Exception) -> Response:
    """Answer an invalid query or path parameter; its pointer begins with `query` or `path`."""
    assert isinstance(error, RequestValidationError)
    return render(request, refusal_of(error.errors()))


async def _refuse_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        refusal: StepZeroError = MethodNotAllowed(
            method=request.method, path=request.url.path, allowed=_methods(request)
        )
    elif error.status_code == 404:
        refusal = NotFound(f"{request.url.path} does not exist.")
    else:
        refusal = RequestError(str(error.detail))
    return render(request, refusal)


async def _let_go(request: Request, error: Exception) -> Response:
    """Record that the client disconnected before the response; no one reads the result."""
    stats_of(request).end("aborted")
    return Response(status_code=499)


def _methods(request: Request) -> list[str]:
    """List the methods of all routes at a path; the framework lists those of the first only."""
    at_path = [r for r in request.app.state.routes if r.path_regex.match(request.url.path)]
    return sorted({method for route in at_path for method in route.methods})


def _example(kind: type[StepZeroError]) -> dict[str, Any]:
    return {
        "type": f"urn:stepzero:problem:{kind.code}",
        "title": kind.title,
        "status": kind.status,
        "code": kind.code,
        "detail": _first_line(kind),
        "request_id": "4f1c0de5a9b84c6f8f5e0f4b8f6a2d11",
    }


def _first_line(kind: type[StepZeroError]) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]
