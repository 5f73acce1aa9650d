"""A problem as an HTML page without scripts, for people who opened a URL in a browser."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from html import escape
from typing import Any

_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}"
    "h1{font-size:1.4rem}code,dd{overflow-wrap:anywhere}dt{font-weight:600}dd{margin:0 0 .5rem}"
)
_STYLE_HASH = base64.b64encode(sha256(_STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_SHOWN_APART = ("type", "title", "status", "code", "detail", "errors", "request_id")


def problem_page(problem: Mapping[str, Any]) -> bytes:
    """Render a problem as HTML; lone surrogates, which UTF-8 cannot encode, become character
    references.
    """
    title = escape(f"{problem['status']} {problem['title']}")
    members = {
        "Code": problem["code"],
        **{name: value for name, value in problem.items() if name not in _SHOWN_APART},
        "Request ID": problem["request_id"],
    }
    parts = [
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>',
        f"<body><main><h1>{title}</h1><p>{escape(str(problem['detail']))}</p>",
        _fields(problem.get("errors") or ()),
        _listed(members),
        "</main></body></html>",
    ]
    return "".join(parts).encode("utf-8", "xmlcharrefreplace")


def _fields(errors: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        f"<li><code>{escape(str(error['pointer']))}</code>{_listed(_of_field(error))}</li>"
        for error in errors
    ]
    return f"<ul>{''.join(rows)}</ul>" if rows else ""


def _of_field(error: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in error.items() if name != "pointer" and value is not None}


def _listed(members: Mapping[str, Any]) -> str:
    rows = [
        f"<dt>{escape(name)}</dt><dd>{escape(_text(value))}</dd>" for name, value in members.items()
    ]
    return f"<dl>{''.join(rows)}</dl>"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
