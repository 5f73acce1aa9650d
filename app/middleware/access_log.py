"""Follows every request from outside: an account of what it took, for the metrics and one line of
the log.

Pure ASGI.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.middleware.traces import describe_span, is_probe
from app.scope import UNKNOWN, address_of
from app.telemetry.metrics import Metrics
from app.telemetry.request_stats import Outcome, RequestStats
from stepzero_rnn.errors import InternalError

OTHER = "other"  # what no route answers: callers' words make no label
_LEVELS: dict[Outcome, int] = {"failed": logging.ERROR, "cut": logging.WARNING}
_log = logging.getLogger("stepzero.request")


class RequestLog:
    """Opens an account for each request, and closes it when all is sent or nobody is left to send
    to.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        stats = RequestStats()
        scope.setdefault("state", {})["stats"] = stats
        metrics = self._metrics
        status = 0

        async def send_counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                stats.answer(_length(scope, message))
                metrics.promise(stats)
            elif message["type"] == "http.response.body" and scope["method"] != "HEAD":
                metrics.send(stats, len(message.get("body", b"")))
                if not message.get("more_body"):
                    describe_span(stats)
            await send(message)

        metrics.begin()
        failed = True
        try:
            await self._app(scope, receive, send_counted)
            failed = stats.code == InternalError.code
        except asyncio.CancelledError:
            stats.end("cut")
            raise
        finally:
            self._end(scope, stats, status, failed=failed)

    def _end(self, scope: Scope, stats: RequestStats, status: int, *, failed: bool) -> None:
        seconds, outcome = stats.close(), stats.outcome(failed=failed)
        route = _route(scope)
        self._metrics.end(route, stats, outcome)
        quiet = outcome == "served" and is_probe(scope)
        level = logging.DEBUG if quiet else _LEVELS.get(outcome, logging.INFO)
        if _log.isEnabledFor(level):
            facts = _results(scope, stats) | {"seconds": round(seconds, 6)}
            said = {"route": route, "status": status, "outcome": outcome, **facts}
            _log.log(level, "request", extra={key: x for key, x in said.items() if x is not None})


def _length(scope: Scope, start: Message) -> int | None:
    """Return the bytes of body that an answer announces."""
    if scope["method"] == "HEAD" or start["status"] == 304:
        return None
    lengths = (value for name, value in start["headers"] if name.lower() == b"content-length")
    return next((int(value) for value in lengths), None)


def _route(scope: Scope) -> str:
    """Return the route that answered, as it stands in OpenAPI; a path that there is not has
    none.
    """
    route = scope.get("route")
    if isinstance(route, Route) and scope["method"] in (route.methods or ()):
        return f"{scope['method']} {route.path_format}"
    return OTHER


def _results(scope: Scope, stats: RequestStats) -> dict[str, Any]:
    """Return what one line says of a request; nothing in it is a caller's own words but checked
    ids.
    """
    return {
        "request_id": scope.get("request_id"),
        "trace_id": scope.get("trace_id"),
        "key": scope["state"].get("key_name"),
        "client": str(address_of(scope) or UNKNOWN),
        "code": stats.code,
        "recipe": stats.recipe,
        "device": stats.device,
        "bytes": stats.sent_bytes,
        "first_byte_s": _rounded(stats.first_byte_s),
        **{f"{stage}_s": _rounded(seconds) for stage, seconds in stats.seconds.items()},
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)
