"""Accepted host names: other names point to DNS rebinding or a misrouted request.  Pure ASGI.

Source:
    RFC 9112, 3.2: an HTTP/1.1 request has exactly one valid Host header.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.middleware.auth import HEALTH
from app.problems import render
from stepzero_rnn.errors import InvalidHost, StepZeroError, UnknownHost

_SHOWN_CHARS = 200
_HOST = re.compile(
    r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9_-]+(\.[a-z0-9_-]+)*)\.?(:[0-9]*)?", re.ASCII | re.IGNORECASE
)


class KnownHosts:
    """Rejects requests whose Host is invalid, repeated or missing, or not one of the names, if any
    are configured.

    `*.example.com` matches every subdomain.  Health probes may use any host, such as an address.
    """

    def __init__(self, app: ASGIApp, names: Sequence[str]) -> None:
        self._app = app
        self._whole = {name.lower() for name in names}
        self._below = tuple(name[1:] for name in self._whole if name.startswith("*."))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        answer = render(Request(scope), refusal) if refusal else self._app
        await answer(scope, receive, send)

    def _refusal(self, scope: Scope) -> StepZeroError | None:
        hosts = Headers(scope=scope).getlist("host")
        if len(hosts) > 1 or (not hosts and scope["http_version"] == "1.1"):
            return InvalidHost(count=len(hosts))
        given = hosts[0] if hosts else ""
        match = _HOST.fullmatch(given)
        if given and not match:
            return InvalidHost(count=1, given=given[:_SHOWN_CHARS])
        host = match["host"].lower() if match else ""
        is_open = not self._whole or scope["path"].startswith(HEALTH)
        if is_open or host in self._whole or (self._below and host.endswith(self._below)):
            return None
        return UnknownHost(given=given[:_SHOWN_CHARS])
