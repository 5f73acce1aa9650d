"""Authentication by API key, before anything else in a request is examined.  Pure ASGI."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.callers.api_keys import Keyring
from app.problems import render
from stepzero_rnn.errors import Unauthenticated

HEALTH = "/healthz/"
STATIC = "/_static/"
PAGES = frozenset({"/", "/docs", "/openapi.json"})


class Authenticate:
    """Requires a valid key, except for health checks and, depending on a setting, the pages.

    The name of the key is stored in the request's state as `key_name`.  Responses are marked
    `private`, so that shared caches do not store them.
    """

    def __init__(self, app: ASGIApp, keyring: Keyring, *, open_pages: bool) -> None:
        self._app = app
        self._keyring = keyring
        self._open_pages = open_pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = given_key(Headers(scope=scope))
        name = self._keyring.owner(given) if given else None
        scope.setdefault("state", {})["key_name"] = name
        if name is None and not self._is_open(scope["path"]):
            await render(Request(scope), Unauthenticated(given=bool(given)))(scope, receive, send)
            return

        async def send_privately(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if cached := headers.get("Cache-Control"):
                    headers["Cache-Control"] = cached.replace("public", "private")
            await send(message)

        await self._app(scope, receive, send_privately)

    def _is_open(self, path: str) -> bool:
        if path.startswith(HEALTH):
            return True
        return self._open_pages and (path in PAGES or path.startswith(STATIC))


def given_key(headers: Headers) -> str:
    """Return the key of a request; other schemes of `Authorization` are ignored, as they may belong
    to a proxy.
    """
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return key.strip()
    return headers.get("x-api-key", "")
