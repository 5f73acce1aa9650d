"""Rate limits and byte quotas of callers: reported in headers, enforced with 429.  Pure ASGI.

Source:
    https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/, RateLimit and
    RateLimit-Policy.
"""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.callers.rate_limits import ByteQuota, ByteQuotas, RateLimiter, RateStatus
from app.middleware.auth import HEALTH, STATIC
from app.problems import render
from app.scope import caller_of
from stepzero_rnn.errors import TooManyRequests

BYTE_QUOTA = "stepzero.share"


class Throttle:
    """Counts requests and reserved bytes; bytes are released when the request ends.

    Health checks and static files are not counted.
    """

    def __init__(
        self, app: ASGIApp, rate_limiter: RateLimiter | None, byte_quotas: ByteQuotas | None
    ) -> None:
        self._app = app
        self._rate_limiter = rate_limiter
        self._byte_quotas = byte_quotas

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        elif scope["type"] != "http" or scope["path"].startswith((HEALTH, STATIC)):
            await self._app(scope, receive, send)
        else:
            await self._count(scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        finally:
            if self._rate_limiter:
                await self._rate_limiter.close()

    async def _count(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = caller_of(scope)
        statuses = await self._rate_limiter.take(caller) if self._rate_limiter else []
        byte_quota = ByteQuota(self._byte_quotas, caller) if self._byte_quotas else None
        scope[BYTE_QUOTA] = byte_quota

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start" and statuses:
                MutableHeaders(scope=message).update(rate_headers(statuses))
            elif byte_quota and message["type"] == "http.response.body":
                byte_quota.sent(len(message.get("body", b"")))
            await send(message)

        try:
            await self._answer(scope, statuses)(scope, receive, send_counted)
        finally:
            if byte_quota:
                byte_quota.close()

    def _answer(self, scope: Scope, statuses: Sequence[RateStatus]) -> ASGIApp:
        """Return the application, or the error for the exceeded limit that resets last."""
        exceeded = [status for status in statuses if status.exceeded]
        if not exceeded:
            return self._app
        status = max(exceeded, key=lambda status: status.ends_in_s)
        refusal = TooManyRequests(
            limit=status.limit, window_s=status.window_s, retry_after_s=status.ends_in_s
        )
        return render(Request(scope), refusal)


def reserve_bytes(request: Request, size_bytes: int) -> None:
    """Reserve the bytes of a download that is about to start, until its request ends.

    Raises:
        TooManyBytes: together with the caller's running downloads they exceed the limit.
    """
    byte_quota: ByteQuota | None = request.scope.get(BYTE_QUOTA)
    if byte_quota:
        byte_quota.reserve(size_bytes)


def rate_headers(statuses: Sequence[RateStatus]) -> dict[str, str]:
    """Return the headers that report the limits and what is left of them."""
    return {
        "RateLimit-Policy": ", ".join(f"{_name(q)};q={q.limit};w={q.window_s}" for q in statuses),
        "RateLimit": ", ".join(f"{_name(q)};r={q.left};t={q.ends_in_s}" for q in statuses),
    }


def _name(status: RateStatus) -> str:
    return f'"{status.limit}-in-{status.window_s}s"'
