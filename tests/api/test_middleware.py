"""What stands around every route: one pure middleware, safe headers on pages, files without
surprises.
"""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.callers.api_keys import new_key, read_keys
from app.main import create_app
from app.middleware.access_log import RequestLog
from app.middleware.auth import Authenticate
from app.middleware.hosts import KnownHosts
from app.middleware.request_id import RequestId
from app.middleware.resources import ReleaseOnExit
from app.middleware.throttle import Throttle
from app.settings import Settings
from tests.api.asking import Served

EVERY_GUARD = Settings(
    api_keys=read_keys([new_key("ci")[1].line]),
    rate_limits="9/second",
    allowed_hosts=("example.com",),
    cors_origins=("https://example.com",),
    trusted_proxies=("10.0.0.1",),
)


def stack(settings: Settings) -> list[Any]:
    """Return what stands around the routes, outermost first."""
    return [middleware.cls for middleware in create_app(settings).user_middleware]


def test_nothing_stands_around_the_routes_that_was_not_asked_for():
    assert stack(Settings()) == [RequestLog, RequestId, KnownHosts, ReleaseOnExit]


def test_who_asks_is_known_before_it_is_counted_and_counted_before_anything_is_held():
    assert stack(EVERY_GUARD) == [
        RequestLog,
        ProxyHeadersMiddleware,
        RequestId,
        KnownHosts,
        CORSMiddleware,
        Authenticate,
        Throttle,
        ReleaseOnExit,
    ]


def test_nothing_compresses_or_buffers_the_stream():
    for kind in stack(EVERY_GUARD):
        assert not issubclass(kind, (GZipMiddleware, BaseHTTPMiddleware))


@pytest.mark.parametrize("page", ["/", "/docs"])
class TestAPage:
    def test_may_load_only_what_this_server_has(self, page: str, client: httpx.Client):
        policy = client.get(page).headers["Content-Security-Policy"]
        rules = dict(rule.split(" ", 1) for rule in policy.split("; "))

        assert rules["default-src"] == "'self'"
        assert rules["frame-ancestors"] == "'none'"
        assert rules["base-uri"] == "'none'"
        assert "script-src" not in rules  # so default-src holds: no inline script, no eval
        assert "http" not in policy

    def test_is_html_that_no_browser_takes_for_anything_else(self, page: str, client: httpx.Client):
        headers = client.get(page).headers

        assert headers["Content-Type"] == "text/html; charset=utf-8"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"

    def test_names_only_addresses_that_exist_here(self, page: str, client: httpx.Client):
        for address in re.findall(r'(?:src|href)="([^"#]+)"', client.get(page).text):
            assert not address.startswith(
                ("http:", "https:", "//", "/")
            )  # a proxy may put a path in front
            assert client.get(httpx.URL(page).join(address)).status_code == 200, address

    def test_has_no_inline_script(self, page: str, client: httpx.Client):
        text = client.get(page).text

        assert re.search(r"<script(?![^>]*\bsrc=)", text) is None
        assert re.search(r"\bon[a-z]+=", text) is None


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("studio.css", "text/css; charset=utf-8"),
        ("studio/main.js", "text/javascript; charset=utf-8"),
        ("docs.js", "text/javascript; charset=utf-8"),
        ("favicon.svg", "image/svg+xml"),
        ("vendor/swagger-ui/swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
        ("vendor/swagger-ui/swagger-ui.css", "text/css; charset=utf-8"),
    ],
)
def test_static_files_are_served_with_their_type(path: str, media_type: str, client: httpx.Client):
    answer = client.get(f"/_static/{path}")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == media_type
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["..%2fapp.py", "%2e%2e/app.py", "vendor", "", "../../../../etc/passwd"]
)
def test_static_files_are_all_that_is_served_from_disk(path: str, client: httpx.Client):
    assert client.get(f"/_static/{path}").status_code == 404


@pytest.mark.parametrize("path", ["/v1", "/openapi.json", "/nope", "/healthz/live"])
def test_every_answer_forbids_sniffing_and_carries_an_id(path: str, client: httpx.Client):
    headers = client.get(path).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Request-ID"]


def test_the_server_does_not_say_what_it_runs_on(other_server: Served):
    assert "Server" not in httpx.get(f"{other_server.url}/v1").headers
