"""What the pages have in common: the look, the way home, and a policy that lets nothing else in."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from typing import Any

from starlette.types import Scope

_STYLE = (
    ":root{color-scheme:light dark;--page:light-dark(#f6f7f9,#0e1116);--card:light-dark(#fff,#161b22);"
    "--text:light-dark(#1b2028,#e6e9ee);--muted:light-dark(#566170,#9aa5b4);"
    "--line:light-dark(#e1e5eb,#2a323d);--accent:light-dark(#3257d6,#8aa4ff)}"
    "body{margin:0;background:var(--page);color:var(--text);"
    'font:16px/1.5 Inter,"Segoe UI",system-ui,-apple-system,Roboto,sans-serif}'
    "header{padding:12px max(20px,50vw - 32rem);background:var(--card);"
    "border-bottom:1px solid var(--line)}"
    "main{max-width:64rem;margin:0 auto;padding:20px}"
    "h1{font-size:1.5rem;line-height:1.25}h2{margin:2.5rem 0 .5rem}article h2,h3{margin:0 0 .5rem;font-size:1.1rem}"
    "a{color:var(--accent)}header a{color:var(--text);font-weight:650;text-decoration:none}"
    "article{margin:1rem 0;padding:1rem;background:var(--card);border:1px solid var(--line);"
    "border-radius:10px}article:target{border-color:var(--accent)}"
    "code,pre{font:.875em ui-monospace,Menlo,Consolas,monospace}pre{margin:0;white-space:pre-wrap}"
    "p{margin:.5rem 0}p,code,pre,dd{overflow-wrap:anywhere}"
    "dl{display:grid;grid-template-columns:7.5rem minmax(0,1fr);gap:.35rem 1rem;margin:0}"
    "dt{color:var(--muted)}dd{margin:0}ul{margin:0;padding-left:1.2em}"
    "@media(max-width:40rem){dl{display:block}dd{margin-bottom:.5rem}}"
)
_STYLE_HASH = base64.b64encode(sha256(_STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page(title: str, content: str, *, home: str) -> bytes:
    """Return a page; lone surrogates, which UTF-8 cannot encode, become character references.

    Args:
        title: plain text.
        content: HTML.
        home: URL of the home page.
    """
    name = escape(title)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name} · Step Zero</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<link rel="icon" href="data:,"><style>{_STYLE}</style></head>'
        f'<body><header><a href="{escape(home)}">Step Zero</a></header>'
        f"<main><h1>{name}</h1>{content}</main></body></html>"
    ).encode("utf-8", "xmlcharrefreplace")


def home_of(scope: Scope) -> str:
    """Return the URL of the home page relative to a request's own, so that it is right behind any
    proxy, whether or not the server knows its prefix.
    """
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    root: str = scope.get("root_path", "")
    return "../" * (path.removeprefix(root.encode()).count(b"/") - 1) or "./"


def listed(rows: Mapping[str, str]) -> str:
    """Return a list of terms, which are plain text, and what they mean, which is HTML."""
    inner = "".join(f"<dt>{escape(term)}</dt><dd>{text}</dd>" for term, text in rows.items())
    return f"<dl>{inner}</dl>"


def text_of(value: Any) -> str:
    """Return the HTML of a JSON value: text as it is, and a list of words as code."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(f"<code>{escape(each)}</code>" for each in value)
    return escape(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
