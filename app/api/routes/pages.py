"""The pages for people: the first page and Swagger UI, all from vendored files."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse
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
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-cache",
}

static = Mount("/_static", StaticFiles(directory=PAGES), name="static")
first_page = APIRouter(include_in_schema=False)
docs_page = APIRouter(include_in_schema=False)


@first_page.get("/")
async def show_first_page() -> FileResponse:
    """Say what this is, with a first curl."""
    return FileResponse(PAGES / "index.html", headers=_HEADERS)


@docs_page.get("/docs")
async def show_docs() -> FileResponse:
    """Show Swagger UI."""
    return FileResponse(PAGES / "docs.html", headers=_HEADERS)
