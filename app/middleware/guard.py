"""Access control around the routes, outermost last: limits, keys, CORS, hosts, proxies.

Each is controlled by a setting.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from limits import parse_many
from starlette.middleware.cors import CORSMiddleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.callers.api_keys import Keyring
from app.callers.rate_limits import ByteQuotas, RateLimiter
from app.callers.sessions import COOKIE, Sessions
from app.middleware.auth import HEALTH, SESSION, Authenticate
from app.middleware.hosts import KnownHosts
from app.middleware.throttle import Throttle
from app.openapi.operations import FILE_HEADERS
from app.problems import problems
from app.settings import Settings, random_secret
from stepzero_rnn.errors import (
    CrossOrigin,
    InvalidHost,
    TooManyBytes,
    TooManyRequests,
    Unauthenticated,
    UnknownHost,
)

ASKED_WITH = [
    "Authorization",
    "Content-Type",
    "If-None-Match",
    "If-Range",
    "Range",
    "Traceparent",
    "Want-Repr-Digest",
    "X-API-Key",
    "X-Request-ID",
]
READ_BY_CLIENTS = [
    "Content-Range",
    "Retry-After",
    "X-Error-Code",
    "X-Error-Message",
    "X-Repo-Commit",
]
LIMIT_HEADERS = {
    "RateLimit-Policy": "Limits for each caller: `q` requests in `w` seconds.",
    "RateLimit": "Remaining quota: `r` requests; the window resets in `t` seconds.",
}
SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer KEY`"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
}


def guard(api: FastAPI, settings: Settings, sessions: Sessions | None) -> None:
    """Add the middleware that the settings ask for."""
    if settings.rate_limits or settings.max_caller_bytes:
        api.add_middleware(
            Throttle, rate_limiter=_rate_limiter(settings), byte_quotas=_byte_quotas(settings)
        )
    if sessions:
        api.add_middleware(Authenticate, sessions=sessions, open_pages=settings.open_pages)
    if settings.cors_origins:
        api.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "HEAD", "POST"],
            allow_headers=ASKED_WITH,
            expose_headers=[*FILE_HEADERS, *READ_BY_CLIENTS, *LIMIT_HEADERS],
        )
    api.add_middleware(KnownHosts, names=settings.allowed_hosts)


def sessions_of(settings: Settings) -> Sessions | None:
    """Return who has keys and sessions; None if requests need none."""
    keyring = Keyring(settings.api_keys, settings.api_keys_file)
    if not keyring:
        return None
    secret = settings.session_secret or random_secret()
    return Sessions(keyring, secret.get_secret_value().encode(), settings.session_s)


def trust_proxies(api: FastAPI, settings: Settings) -> None:
    """Apply the forwarded headers of trusted proxies; outermost, so that all middleware sees the
    client's address.
    """
    if settings.trusted_proxies:
        api.add_middleware(ProxyHeadersMiddleware, trusted_hosts=[*settings.trusted_proxies])


def guarded(document: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """Add the requirements on callers to the OpenAPI document: keys, limits and hosts."""
    keyed = bool(settings.api_keys or settings.api_keys_file)
    if keyed:
        document["components"]["securitySchemes"] = SCHEMES
        document["security"] = [{name: []} for name in SCHEMES]
    for path, item in document["paths"].items():
        for operation in item.values():
            if path.startswith(HEALTH) or (path == SESSION and operation is item.get("get")):
                operation.update({"security": []} if keyed else {})
                continue
            _add(operation["responses"], problems(*_refusals(settings)))
            if settings.rate_limits:
                _announce(operation["responses"])
    return document


def _refusals(settings: Settings) -> list[type[Any]]:
    return [
        *([Unauthenticated, CrossOrigin] if settings.api_keys or settings.api_keys_file else []),
        *([TooManyRequests] if settings.rate_limits else []),
        *([TooManyBytes] if settings.max_caller_bytes else []),
        *([InvalidHost, UnknownHost] if settings.allowed_hosts else []),
    ]


def _add(responses: dict[str, Any], refusals: dict[int | str, dict[str, Any]]) -> None:
    """Merge problems into an operation's responses, by status."""
    for status, answer in refusals.items():
        present = responses.setdefault(str(status), answer)
        if present is answer:
            continue
        present["description"] += f" {answer['description']}"
        for media_type, content in answer["content"].items():
            present["content"][media_type]["examples"] |= content["examples"]


def _announce(responses: dict[str, Any]) -> None:
    for status, answer in responses.items():
        if status != "401":
            answer["headers"] = answer.get("headers", {}) | {
                name: {"description": text, "schema": {"type": "string"}}
                for name, text in LIMIT_HEADERS.items()
            }


def _rate_limiter(settings: Settings) -> RateLimiter | None:
    if not settings.rate_limits:
        return None
    url = settings.rate_limits_url
    return RateLimiter(parse_many(settings.rate_limits), url.get_secret_value() if url else None)


def _byte_quotas(settings: Settings) -> ByteQuotas | None:
    return ByteQuotas(settings.max_caller_bytes) if settings.max_caller_bytes else None
