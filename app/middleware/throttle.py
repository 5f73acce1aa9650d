"""How much a caller may ask: requests in a window, bytes at once; told in headers, refused with 429.  Pure ASGI.

Source:
    https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/, RateLimit and RateLimit-Policy.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.callers.rate_limits import Quota, Rates, Share, Shares
from app.middleware.auth import HEALTH, STATIC
from app.problems import render
from app.scope import caller_of
from stepzero_rnn.errors import TooManyRequests

SHARE = "stepzero.share"


class Throttle:
    """Counts what callers take, and gives it back when their requests end.  Health and static files are not counted."""

    def __init__(self, app: ASGIApp, rates: Rates | None, shares: Shares | None) -> None:
        self._app = app
        self._rates = rates
        self._shares = shares

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        elif scope["type"] != "http" or scope["path"].startswith(HEALTH + STATIC):
            await self._app(scope, receive, send)
        else:
            await self._count(scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        finally:
            if self._rates:
                await self._rates.close()

    async def _count(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = caller_of(scope)
        quotas = await self._rates.take(caller) if self._rates else []
        share = Share(self._shares, caller) if self._shares else None
        scope[SHARE] = share

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start" and quotas:
                MutableHeaders(scope=message).update(quota_headers(quotas))
            elif share and message["type"] == "http.response.body":
                share.sent(len(message.get("body", b"")))
            await send(message)

        try:
            await self._answer(scope, quotas)(scope, receive, send_counted)
        finally:
            if share:
                share.close()

    def _answer(self, scope: Scope, quotas: Sequence[Quota]) -> ASGIApp:
        """Give what answers a request: the service, or the refusal of the limit that takes longest to end."""
        exceeded = [quota for quota in quotas if quota.exceeded]
        if not exceeded:
            return self._app
        quota = max(exceeded, key=lambda quota: quota.ends_in_s)
        refusal = TooManyRequests(
            limit=quota.limit, window_s=quota.window_s, retry_after_s=quota.ends_in_s
        )
        return render(Request(scope), refusal)


def hold_bytes(request: Request, size_bytes: int) -> None:
    """Count the bytes of a download that is about to begin, until its request ends.

    Raises:
        TooManyBytes: its caller has too many under way.
    """
    share: Share | None = request.scope.get(SHARE)
    if share:
        share.hold(size_bytes)


def quota_headers(quotas: Sequence[Quota]) -> dict[str, str]:
    """Write quotas as headers: the limits that hold, and what is left of them."""
    return {
        "RateLimit-Policy": ", ".join(f"{_name(q)};q={q.limit};w={q.window_s}" for q in quotas),
        "RateLimit": ", ".join(f"{_name(q)};r={q.left};t={q.ends_in_s}" for q in quotas),
    }


def _name(quota: Quota) -> str:
    return f'"{quota.limit}-in-{quota.window_s}s"'
