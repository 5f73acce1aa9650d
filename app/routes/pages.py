"""The HTML pages: home page and Swagger UI, served from vendored files."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

PAGES = Path(__file__).parents[1] / "pages"
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-cache",
}
# Over plain HTTP browsers ignore this header, and say so in the console.
_HEADERS_OVER_TLS = {**_HEADERS, "Cross-Origin-Opener-Policy": "same-origin"}

_OF_DOCS = re.compile(r"docs\b|vendor/swagger-ui\b")  # static files used by /docs alone
_TO_DOCS = ('href="docs"', 'href="openapi.json"', "<code>/docs</code>")


class _Static(StaticFiles):
    """The files below `/_static`, without those of the docs if the docs are disabled."""

    def __init__(self, *, docs: bool) -> None:
        super().__init__(directory=PAGES)
        self._docs = docs

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        if not self._docs and _OF_DOCS.match(path):
            return "", None
        return super().lookup_path(path)


def static(*, docs: bool) -> Mount:
    """Return the route of the static files."""
    return Mount("/_static", _Static(docs=docs), name="static")


def pages(*, docs: bool) -> APIRouter:
    """Return the routes of the pages."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def show_first_page(request: Request) -> Response:
        if docs:
            return FileResponse(PAGES / "index.html", headers=_headers(request))
        return HTMLResponse(_without_docs(), headers=_headers(request))

    if docs:

        @router.get("/docs")
        async def show_docs(request: Request) -> FileResponse:
            return FileResponse(PAGES / "docs.html", headers=_headers(request))

    return router


def _headers(request: Request) -> Mapping[str, str]:
    return _HEADERS_OVER_TLS if request.url.scheme == "https" else _HEADERS


def _without_docs() -> str:
    """Return the home page without the lines that link to the docs."""
    lines = (PAGES / "index.html").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not any(link in line for link in _TO_DOCS))
