"""`stepzero identify`: which initialization a file is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table

import stepzero_rnn
from stepzero_rnn.cli.remote import ApiKey, Server, remote
from stepzero_rnn.cli.reports import AsJson, require_document
from stepzero_rnn.cli.tables import table_of
from stepzero_rnn.identification.result import Identified, spelled
from stepzero_rnn.spec.arrays import IdentifyOptions

_FIELDS = IdentifyOptions.model_fields


def identify(
    arrays: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            exists=True,
            dir_okay=False,
            help="A `.safetensors`, `.npz`, `.npy`, `.onnx`, `.h5`, `.keras` or `.pt` file, or several "
            "files of one network. "
            "A `.pt` file is read here with torch.load(weights_only=True), never by a server.",
        ),
    ],
    *,
    prefix: Annotated[str, typer.Option(help=f"{_FIELDS['prefix'].description}")] = "",
    layout: Annotated[str, typer.Option(help=f"{_FIELDS['layout'].description}")] = "pytorch",
    server: Server = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Say which initialization a checkpoint is: which laws of the catalogue fit every gate.

    The network's kind and sizes are inferred from the arrays. A file that carries its recipe is
    compared with its redraw, bit for bit.

        stepzero identify model.pt --prefix rnn.
        stepzero identify weights.npz --layout keras --json
    """
    there = remote(server, api_key)
    options: Any = {"prefix": prefix, "layout": layout}
    if there is None:
        found = stepzero_rnn.identify(arrays, **options)
    else:
        with there.connect() as client:
            document = client.identify(arrays, **options)
        otherwise = f"{there.url} did not return a result that this release can read."
        found = require_document(Identified, document, otherwise)
    if as_json:
        typer.echo(TypeAdapter(Identified).dump_json(found, indent=2))
        return
    console = Console(highlight=False)
    console.print(_parts(found))
    console.print(found.verdict, soft_wrap=True, markup=False)
    if found.nearest:
        console.print(f"Recipe: {found.nearest.recipe}", soft_wrap=True)


def _parts(found: Identified) -> Table:
    """Return a table of the parts, each with its likeliest law; gates that share it share a row."""
    rows: dict[tuple[str, str, str], tuple[list[str], list[float]]] = {}
    for part in found.parts:
        best = spelled(part.fits[0].scheme) if part.fits else "none"
        others = ", ".join(part.indistinguishable)
        gates, p_values = rows.setdefault((part.tensor, best, others), ([], []))
        gates.append(part.gate)
        p_values += [fit.p_value for fit in part.fits[:1]]
    table = table_of("tensor", "gates", "fits", "p", "not distinguished from", numbers=False)
    for (tensor, best, others), (gates, p_values) in rows.items():
        least = f"{min(p_values):.2g}" if p_values else ""
        table.add_row(tensor, ", ".join(gates), best, least, others)
    return table
