"""The route of the session: a browser's way to be known without sending a key each time."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import Field

from app.callers.sessions import COOKIE, Sessions
from app.problems import problems
from app.request.body import NoQuery
from app.routes.models import Answer
from stepzero_rnn.errors import InternalError, InvalidSpec, Unauthenticated

NEVER_STORED = {"Cache-Control": "no-store"}


class Session(Answer):
    """Whether this server needs a key, and who is signed in."""

    required: bool = Field(description="Whether requests need an API key or a session.")
    name: str | None = Field(description="Name of the key that this request is made with.")


def session(sessions: Sessions | None) -> APIRouter:
    """Return the routes of the session; without keys there is none to start."""
    router = APIRouter(
        prefix="/v1/session",
        tags=["session"],
        dependencies=[NoQuery],
        responses=problems(InvalidSpec, InternalError),
    )

    def state_of(request: Request) -> Session:
        name = getattr(request.state, "key_name", None)
        return Session(required=sessions is not None, name=name)

    @router.get("", summary="Who is signed in?")
    async def show_session(request: Request, response: Response) -> Session:
        """Return whether a key is needed, and the name of the key that this request has."""
        response.headers.update(NEVER_STORED)
        return state_of(request)

    @router.post("", summary="Exchange an API key for a session cookie")
    async def start_session(request: Request, response: Response) -> Session:
        """Set a cookie that authenticates like the key in this request's header.

        The cookie ends when the browser is closed, when the key is removed, and after
        `STEPZERO_SESSION_S` seconds. No script can read it. Requests of other origins that change
        anything are refused.
        """
        response.headers.update(NEVER_STORED)
        if sessions:
            _start(sessions, request, response)
        return state_of(request)

    @router.delete("", status_code=204, summary="Sign out")
    async def end_session(request: Request) -> Response:
        """Delete the session cookie."""
        answer = Response(status_code=204, headers=NEVER_STORED)
        answer.delete_cookie(COOKIE, path=_path(request), httponly=True, samesite="strict")
        return answer

    return router


def _start(sessions: Sessions, request: Request, response: Response) -> None:
    started = sessions.start(request.state.key_name) if request.state.key_given else None
    if started is None:  # a session does not prolong itself
        raise Unauthenticated(given=False)
    response.set_cookie(
        COOKIE,
        started,
        path=_path(request),
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )


def _path(request: Request) -> str:
    return str(request.scope.get("root_path", "")) or "/"
