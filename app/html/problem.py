"""A problem as a page, for people who opened a URL in a browser."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from app.html.frame import listed, page, text_of

_SHOWN_APART = ("type", "title", "status", "code", "detail", "errors", "request_id")


def problem_page(problem: Mapping[str, Any], *, home: str) -> bytes:
    """Render a problem as a page."""
    members = {
        **{name: value for name, value in problem.items() if name not in _SHOWN_APART},
        "code": problem["code"],
        "request_id": problem["request_id"],
    }
    parts = [
        f"<p>{escape(str(problem['detail']))}</p>",
        *(_field(error) for error in problem.get("errors") or ()),
        f"<article>{_rows(members)}</article>",
    ]
    return page(f"{problem['status']} {problem['title']}", "".join(parts), home=home)


def _field(error: Mapping[str, Any]) -> str:
    """Return the part on one invalid field."""
    members = {name: error.get(name) for name in ("detail", "given", "allowed", "code")}
    pointer = escape(str(error["pointer"]))
    return f"<article><h2><code>{pointer}</code></h2>{_rows(members)}</article>"


def _rows(members: Mapping[str, Any]) -> str:
    return listed(
        {
            name.replace("_", " ").capitalize(): text_of(value)
            for name, value in members.items()
            if value is not None
        }
    )
