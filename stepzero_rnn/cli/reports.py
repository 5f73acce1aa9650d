"""`stepzero plan`, `check` and `schemes`: commands that print reports and write no file."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any, TypeVar

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console

import stepzero_rnn
from stepzero_rnn.cli import tables
from stepzero_rnn.cli.progress import checking
from stepzero_rnn.cli.remote import ApiKey, Remote, Server, remote
from stepzero_rnn.cli.request import takes_request
from stepzero_rnn.errors import RequestError, TransferError
from stepzero_rnn.pipeline.description import Description, describe
from stepzero_rnn.pipeline.limits import Limits
from stepzero_rnn.plan import plan as plan_of
from stepzero_rnn.spec.catalogue import catalogue
from stepzero_rnn.spec.checkpoint import CheckpointRequest, Spec
from stepzero_rnn.summary import Summary, compact

Answer = TypeVar("Answer")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON; errors too, on stderr.")]


@takes_request()
def plan(
    request: CheckpointRequest,
    *,
    server: Server = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Describe a checkpoint without drawing it: tensors, sizes and permalinks.

    The files that `make` and any server produce have exactly these sizes and tags.

        stepzero plan -t lstm --input-size 512 --hidden-size 2048 --num-layers 4
        stepzero plan --recipe http://localhost:8000/v1/checkpoints/TOKEN --json
    """
    there = remote(server, api_key)
    described = _plan_from(there, request) if there else _plan_here(request)
    if as_json:
        typer.echo(json.dumps(described, indent=2))
        return
    console = Console(highlight=False)
    console.print(tables.tensors(described), tables.files(described))
    console.print(tables.warnings(described.get("warnings", [])), end="")


@takes_request("device", "seq_len", "batch")
def check(
    request: CheckpointRequest,
    *,
    server: Server = None,
    api_key: ApiKey = None,
    layer: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Show the details of this layer, from 0; without it, of all layers of a small network.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Draw a network, measure every tensor and run one forward pass, as before every download.

    Exits with 3 if the output is not finite, or zero everywhere.

        stepzero check -t gru --input-size 10 --hidden-size 20 --init orthogonal
        stepzero check -t rnn --input-size 8 --hidden-size 512 --nonlinearity relu \\
            --init '{"scheme": "normal", "std": 0.1}' --seq-len 100
        stepzero check --spec spec.json --server http://localhost:8000 --json
    """
    there = remote(server, api_key)
    _require_layer(layer, request.spec)
    planned = plan_of(request.spec)
    size = planned.forward_size(request.check)
    with checking(planned, size, is_there=there is not None):
        summary = _summary_from(there, request, layer) if there else _summary_here(request, layer)
    if as_json:
        typer.echo(TypeAdapter(Summary).dump_json(summary, indent=2))
        return
    console = Console(highlight=False)
    console.print(tables.statistics(summary), tables.forward(summary))
    console.print(tables.warnings([asdict(warning) for warning in summary.warnings]), end="")


def schemes(
    name: Annotated[str | None, typer.Argument(help="The scheme or preset to describe.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the init schemes and presets, or describe one of them.

    A description has the formula, the source, the fields or parts, and an example.

        stepzero schemes
        stepzero schemes trunc_normal
        stepzero schemes keras
    """
    everything = catalogue()
    matches = {
        kind: [row for row in rows if name in (None, row["name"])]
        for kind, rows in everything.items()
    }
    if not any(matches.values()):
        names = dict.fromkeys(row["name"] for rows in everything.values() for row in rows)
        raise RequestError(f"Unknown scheme or preset {name!r}. Available: {', '.join(names)}.")
    if as_json:
        typer.echo(json.dumps(matches, indent=2))
        return
    console = Console(highlight=False)
    presets = matches.pop("presets")
    for kind, rows in matches.items():
        if name is None:
            console.print(tables.schemes(kind, rows))
        for row in rows if name else ():
            console.print(tables.scheme(kind, row))
    if name is None:
        console.print(tables.presets(presets))
    for row in presets if name else ():
        console.print(tables.preset(row))


def _plan_here(request: CheckpointRequest) -> dict[str, Any]:
    return describe(request.spec, request.serving, Limits.none()).model_dump()


def _plan_from(there: Remote, request: CheckpointRequest) -> dict[str, Any]:
    with there.connect() as client:
        document = client.plan(request.spec)
    require_document(
        Description, document, f"{there.url} did not return a plan that this release can read."
    )
    return document


def _summary_here(request: CheckpointRequest, layer: int | None) -> Summary:
    summary = stepzero_rnn.check(request.spec, device=request.device, check=request.check)
    return compact(summary, layer)


def _summary_from(there: Remote, request: CheckpointRequest, layer: int | None) -> Summary:
    with there.connect() as client:
        document: Any = client.summary(
            request.spec, check=request.check, device=request.device, layer=layer
        )
    return require_document(
        Summary, document, f"{there.url} did not return a summary that this release can read."
    )


def require_document(kind: type[Answer], document: Any, otherwise: str) -> Answer:
    """Return a server's document as a record.

    Raises:
        TransferError: it is not one; `otherwise` says so.
    """
    try:
        return TypeAdapter(kind).validate_python(document)
    except ValidationError as error:
        raise TransferError(otherwise) from error


def _require_layer(layer: int | None, spec: Spec) -> None:
    if layer is not None and layer >= spec.num_layers:
        raise RequestError(f"--layer {layer}: the network has {spec.num_layers} layers, from 0.")
