"""A refusal as a page, for people who opened an address in a browser: the facts of the JSON, and
nothing that runs.
"""

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
    """Write a problem document as HTML; half a surrogate pair, which UTF-8 cannot hold, is a
    character reference then.
    """
    title = escape(f"{problem['status']} {problem['title']}")
    facts = {
        "Code": problem["code"],
        **{name: fact for name, fact in problem.items() if name not in _SHOWN_APART},
        "Request": problem["request_id"],
    }
    parts = [
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>',
        f"<body><main><h1>{title}</h1><p>{escape(str(problem['detail']))}</p>",
        _fields(problem.get("errors") or ()),
        _listed(facts),
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
    return {name: fact for name, fact in error.items() if name != "pointer" and fact is not None}


def _listed(facts: Mapping[str, Any]) -> str:
    rows = [
        f"<dt>{escape(name)}</dt><dd>{escape(_text(fact))}</dd>" for name, fact in facts.items()
    ]
    return f"<dl>{''.join(rows)}</dl>"


def _text(fact: Any) -> str:
    return fact if isinstance(fact, str) else json.dumps(fact, ensure_ascii=False)
