"""Under which names the service answers: a request for another is one that somebody was tricked into.  Pure ASGI."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.auth import HEALTH
from app.api.problems import render
from app.errors import UnknownHost

_SHOWN_CHARS = 200


class KnownHosts:
    """Refuses requests whose Host is none of the names, `*.example.com` being all below one.  Probes ask by address."""

    def __init__(self, app: ASGIApp, names: Sequence[str]) -> None:
        self._app = app
        self._whole = {name.lower() for name in names}
        self._below = tuple(name[1:] for name in self._whole if name.startswith("*."))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, or refuse it."""
        answer = self._app
        if scope["type"] == "http" and not scope["path"].startswith(HEALTH):
            given = Headers(scope=scope).get("host", "")
            host = _without_port(given).lower()
            if host not in self._whole and not (self._below and host.endswith(self._below)):
                answer = render(Request(scope), UnknownHost(given=given[:_SHOWN_CHARS]))
        await answer(scope, receive, send)


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() else host
