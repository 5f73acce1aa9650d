"""Adds a request id and security headers to every response, and answers unexpected errors.

Pure ASGI.
"""

from __future__ import annotations

import logging
import re
import uuid

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.middleware.traces import find_trace
from app.problems import render
from stepzero_rnn.errors import InternalError, NotReady, StepZeroError

_log = logging.getLogger("stepzero")
SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",  # pages set their own
}
NO_THREAD = "can't start new thread"  # CPython's message; there is no exception class for it
_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


class RequestId:
    """Takes the caller's X-Request-ID or creates one, returns it with the response, and continues
    the caller's trace.

    An unexpected error is logged with its traceback and that id, and answered with the id.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"x-request-id", b"")
        request_id = given.decode() if _ID.fullmatch(given) else uuid.uuid4().hex
        scope["request_id"] = request_id
        trace = find_trace(scope["headers"])
        scope["trace_id"] = trace and trace.trace_id
        started = False

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                if trace:
                    headers["traceresponse"] = trace.response
                for name, value in SAFE_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception as error:
            _log.exception("a request failed", extra={"request_id": request_id})
            if started:
                raise  # the server aborts the connection, so the client notices the incomplete body
            answer = render(Request(scope), _refusal(error))
            await answer(scope, receive, send_with_id)


def _refusal(error: Exception) -> StepZeroError:
    if isinstance(error, MemoryError):
        return NotReady(reason="the server is out of memory", retry_after_s=10)
    if isinstance(error, RuntimeError) and str(error) == NO_THREAD:
        return NotReady(reason="the server cannot start another thread", retry_after_s=10)
    return InternalError()
