"""Authentication by API key or session, before a request is examined further.  Pure ASGI."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.callers.sessions import COOKIE, Sessions
from app.problems import render
from stepzero_rnn.errors import CrossOrigin, StepZeroError, Unauthenticated

HEALTH = "/healthz/"
STATIC = "/_static/"
PAGES = frozenset({"/", "/docs", "/openapi.json"})
SESSION = "/v1/session"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Authenticate:
    """Requires a valid key or session, except for health checks and, depending on a setting, the
    pages.

    The name of the key is stored in the request's state as `key_name`, and whether the request has
    the key itself as `key_given`.  Responses are marked `private`, so that shared caches do not
    store them.
    """

    def __init__(self, app: ASGIApp, sessions: Sessions, *, open_pages: bool) -> None:
        self._app = app
        self._sessions = sessions
        self._open_pages = open_pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {}).update(key_name=None, key_given=False)
        refusal = self._identify(HTTPConnection(scope))
        if refusal and not self._is_open(scope):
            await render(Request(scope), refusal)(scope, receive, send)
            return

        async def send_privately(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if cached := headers.get("Cache-Control"):
                    headers["Cache-Control"] = cached.replace("public", "private")
            await send(message)

        await self._app(scope, receive, send_privately)

    def _identify(self, caller: HTTPConnection) -> StepZeroError | None:
        """Record whose key or session a request has, or return why it is refused."""
        key, session = given_key(caller.headers), caller.cookies.get(COOKIE, "")
        name = self._sessions.keyring.owner(key) if key else self._sessions.owner(session)
        if name is None:
            return Unauthenticated(given=bool(key), session_ended=bool(session and not key))
        if not key and not is_of_this_origin(caller):
            return CrossOrigin(given=caller.headers.get("origin"))
        caller.state.key_name, caller.state.key_given = name, bool(key)
        return None

    def _is_open(self, scope: Scope) -> bool:
        path = scope["path"]
        if path.startswith(HEALTH):
            return True
        is_page = path in PAGES or path.startswith(STATIC)
        asks_who = path == SESSION and scope["method"] in SAFE
        return self._open_pages and (is_page or asks_who)


def is_of_this_origin(caller: HTTPConnection) -> bool:
    """Whether a request with a cookie may change something: only this origin's pages may.

    `SameSite` alone lets other ports and subdomains of the same site send the cookie.  Browsers
    say `Sec-Fetch-Site` to HTTPS and loopback addresses only, and `Origin` with everything that
    may change something; neither can be set by a page.
    """
    if caller.scope["method"] in SAFE:
        return True
    if site := caller.headers.get("sec-fetch-site"):
        return site == "same-origin"
    own = f"{caller.scope['scheme']}://{caller.headers.get('host')}"
    return caller.headers.get("origin") == own


def given_key(headers: Headers) -> str:
    """Return the key of a request; other schemes of `Authorization` are ignored, as they may belong
    to a proxy.
    """
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return key.strip()
    return headers.get("x-api-key", "")
