"""How plans, statistics and schemes look in a terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from stepzero_rnn.cli.words import place
from stepzero_rnn.spec.networks import WHOLE
from stepzero_rnn.summary import Real, Summary


def tensors(described: Mapping[str, Any]) -> Table:
    """Return a table of the tensors of a plan."""
    spec = json.dumps(described["spec"])
    total = f"{described['parameters']:,} parameters, {described['size_bytes']:,} bytes"
    total += "; checked with {batch} × {seq_len} time steps".format(**described["check"])
    table = table_of("tensor", "shape", "dtype", "bytes", title=Text(spec), caption=total)
    for tensor in described["tensors"]:
        size = f"{tensor['size_bytes']:,}"
        table.add_row(tensor["name"], _shape(tensor["shape"]), tensor["dtype"], size)
    return table


def files(described: Mapping[str, Any]) -> Table:
    """Return a table of the files of a plan, which share a folder."""
    folder = ""
    table = table_of("format", "bytes", "file")
    for name, entry in described["files"].items():
        folder, _, file = entry["url"].rpartition("/")
        table.add_row(name, f"{entry['size_bytes']:,}", file)
    table.caption = Text(f"under {folder}/", overflow="fold")
    return table


def statistics(summary: Summary) -> Table:
    """Return a table of the measurements of every tensor, with the expected std."""
    weights = summary.weights
    total = (
        f"{weights.parameters:,} parameters, {weights.size_bytes:,} bytes, {summary.seconds:.2f} s"
    )
    columns = ("tensor", "shape", "scheme", "mean", "std", "expected", "min", "max")
    table = table_of(*columns, title=Text(json.dumps(weights.recipe)), caption=total)
    for tensor in weights.tensors:
        figures = tensor.figures
        numbers = (figures.mean, figures.std, figures.expected_std, figures.min, figures.max)
        scheme = str(tensor.scheme.get("scheme", "by gate"))
        if tensor.given:
            scheme = "given" if tensor.given == figures.elements else f"{scheme}, given"
        table.add_row(tensor.name, _shape(tensor.shape), scheme, *map(number, numbers))
    for row in () if weights.tensors else weights.totals:
        numbers = (row.mean, row.std, row.expected_std, row.min, row.max)
        gate = "" if row.gate == WHOLE else f".{row.gate}"
        table.add_row(f"{row.parameter}{gate} (all layers)", "", "", *map(number, numbers))
    return table


def forward(summary: Summary) -> Text:
    """Return the result of the forward pass in two lines."""
    result, devices = summary.forward, summary.devices
    verdict = "not finite" if not result.finite else "zero everywhere" if result.dead else "fine"
    return Text.assemble(
        f"Forward pass {_shape(result.input_shape)} → {_shape(result.output_shape)}: ",
        (verdict, "green" if verdict == "fine" else "red"),
        f"; output mean {number(result.output_mean)}, std {number(result.output_std)}.\n"
        f"Drawn on {devices.draw}, run on {devices.forward}.",
    )


def warnings(rows: Sequence[Mapping[str, str]]) -> Text:
    """Return the warnings, one per line."""
    lines = (
        (f"Warning: {place(row['pointer'], {})}: {row['detail']}.\n", "yellow") for row in rows
    )
    return Text.assemble(*lines)


def schemes(kind: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return a table of the schemes of one kind."""
    table = table_of("scheme", "draws", "source", title=f"Schemes for {kind}", numbers=False)
    for row in rows:
        table.add_row(row["name"], escape(row["formula"]), escape(row["source"]))
    return table


def scheme(kind: str, row: Mapping[str, Any]) -> RenderableType:
    """Return the full description of one scheme."""
    head = Text.assemble((row["name"], "bold"), f" ({kind})\n{row['summary']}\n")
    facts = Text(
        f"Draws   {row['formula']}\nFor     {', '.join(row['parameters'])} of {', '.join(row['rnn_types'])}\nSource  {row['source']}\n"
        f"Example {json.dumps(row['example'])}"
    )
    fields = table_of("field", "default", "meaning", numbers=False)
    for field in row["fields"]:
        default = "required" if field["required"] else json.dumps(field.get("default"))
        fields.add_row(field["name"], default, escape(field.get("description", "")))
    return Group(head, facts, fields, "") if row["fields"] else Group(head, facts, "")


def presets(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return a table of the presets."""
    table = table_of("preset", "for", "draws", "source", title="Presets", numbers=False)
    for row in rows:
        kinds = ", ".join(row["rnn_types"])
        table.add_row(row["name"], kinds, escape(row["summary"]), escape(row["source"]))
    return table


def preset(row: Mapping[str, Any]) -> RenderableType:
    """Return the full description of one preset, with its parts as a request would spell them."""
    head = Text.assemble(
        (row["name"], "bold"), f" (preset)\n{row['summary']} {row['note']}".rstrip()
    )
    facts = Text(
        f"For     {', '.join(row['rnn_types'])}\nSource  {row['source']}\n"
        f"Example {json.dumps(row['example'])}\n"
    )
    same = len({json.dumps(parts) for parts in row["parts"].values()}) == 1
    shown = {"": next(iter(row["parts"].values()))} if same else row["parts"]
    parts = [
        Text(f"Parts {rnn_type}".rstrip() + "\n" + json.dumps({"init": init}, indent=2) + "\n")
        for rnn_type, init in shown.items()
    ]
    return Group(head, facts, *parts)


def table_of(*columns: str, numbers: bool = True, **look: Any) -> Table:
    """Return an empty table; columns of numbers are aligned on the right."""
    tight: dict[str, Any] = {"box": SIMPLE_HEAD, "pad_edge": False, "collapse_padding": True}
    table = Table(**tight, title_justify="left", caption_justify="left", **look)
    for number, column in enumerate(columns):
        is_number = numbers and number > 0 and column not in ("dtype", "scheme", "file")
        table.add_column(column, justify="right" if is_number else "left", overflow="fold")
    return table


def _shape(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))


def number(value: Real) -> str:
    """Return three significant digits, or a dash for a value that is not finite."""
    return "–" if value is None else f"{value:.3g}"
