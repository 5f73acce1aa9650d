"""The catalogue of schemes and presets as a page, with an anchor for each: `#orthogonal`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import urlencode

from app.html.frame import listed, page

Row = Mapping[str, Any]

_INTRODUCTION = (
    "Each of these goes into `init`: by its name, or as an object with options, for a whole network or for a part. "
    "U(a, b) is the uniform distribution, U(±a) the one from −a to a, and N(m, v) the normal distribution with mean m "
    "and variance v. Programs get this list as JSON."
)
# Title and explanation of each group, and what precedes an anchor that a group above has taken.
_GROUPS = {
    "weights": ("Weights", "Schemes for `weight_ih`, `weight_hh` or `weight_hr`.", "weights"),
    "biases": ("Biases", "Schemes for `bias`: the sum of the two bias vectors.", "bias"),
    "scripts": ("Scripts", "Initialization code of your own, reproduced bit for bit.", "script"),
    "presets": ("Presets", "Initializations of libraries and papers, for all parts.", "preset"),
}
_BOUNDS = {
    "minimum": "≥",
    "ge": "≥",
    "exclusiveMinimum": "&gt;",
    "gt": "&gt;",
    "maximum": "≤",
    "le": "≤",
    "exclusiveMaximum": "&lt;",
    "lt": "&lt;",
}
_UNBOUNDED = 1e15  # larger bounds only keep integers exact
_NETWORK = {"rnn_type": "lstm", "input_size": 10, "hidden_size": 20}


def initializers_page(catalogue: Mapping[str, Sequence[Row]], *, home: str) -> bytes:
    """Render the catalogue as a page."""
    parts, taken = [f"<p>{_prose(_INTRODUCTION)}</p>"], set[str]()
    for group, (title, text, kind) in _GROUPS.items():
        rows = {
            name if (name := row["name"]) not in taken else f"{kind}-{name}": row
            for row in catalogue[group]
        }
        taken |= rows.keys()
        links = ", ".join(f'<a href="#{anchor}">{row["name"]}</a>' for anchor, row in rows.items())
        parts.append(f"<h2>{title}</h2><p>{_prose(text)}</p><p>{links}</p>")
        parts += [_article(anchor, row, home) for anchor, row in rows.items()]
    return page("Initializers", "".join(parts), home=home)


def _article(anchor: str, row: Row, home: str) -> str:
    """Return the part on one scheme or preset."""
    options = "".join(f"<li>{_option(field)}</li>" for field in row.get("fields", ()))
    members = {
        "Formula": escape(row.get("formula", "")),
        "Networks": ", ".join(name.upper() for name in row["rnn_types"]),
        "Parts": _code(row["parameters"]) if "parameters" in row else _parts(row["parts"]),
        "Options": f"<ul>{options}</ul>" if options else "",
        "Note": _prose(row.get("note", "")),
        "Source": escape(row["source"]),
        "Example": _example(row["example"], home),
    }
    shown = listed({name: text for name, text in members.items() if text})
    heading = f'<h3><a href="#{anchor}"><code>{row["name"]}</code></a></h3>'
    return f'<article id="{anchor}">{heading}<p>{_prose(row["summary"])}</p>{shown}</article>'


def _option(field: Row) -> str:
    """Describe an option: its name, default and bounds, and what it does."""
    keywords = {**(field.get("anyOf") or [{}])[0], **field}
    default = field.get("default")
    facts = ["required"] if field["required"] else []
    facts += [] if default is None else [f"default {escape(json.dumps(default))}"]
    facts += [
        f"{sign} {keywords[name]:g}"
        for name, sign in _BOUNDS.items()
        if name in keywords and keywords[name] < _UNBOUNDED
    ]
    shown = f" ({', '.join(facts)})" if facts else ""
    return f"<code>{field['name']}</code>{shown}: {_prose(field.get('description', ''))}"


def _parts(parts: Mapping[str, Row]) -> str:
    """Show what a preset is for each network."""
    return "".join(
        f"<pre>{name.upper()}: {escape(json.dumps(each))}</pre>" for name, each in parts.items()
    )


def _example(example: Row, home: str) -> str:
    """Show the fields of a request, with a link to the file that they make."""
    init = example["init"]
    query = {**_NETWORK, **example, "init": init if isinstance(init, str) else json.dumps(init)}
    url = f"{home}v1/checkpoints?{urlencode(query)}"
    return (
        f'<pre>{escape(json.dumps(example))}</pre><a href="{escape(url)}">Download an example</a>'
    )


def _code(names: Sequence[str]) -> str:
    return ", ".join(f"<code>{name}</code>" for name in names)


def _prose(text: str) -> str:
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))
