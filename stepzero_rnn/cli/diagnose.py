"""`stepzero diagnose`: what a start will do in training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter
from rich.console import Console

import stepzero_rnn
from stepzero_rnn.cli import diagnostics_tables as tables
from stepzero_rnn.cli.progress import waiting
from stepzero_rnn.cli.remote import ApiKey, Remote, Server, remote
from stepzero_rnn.cli.reports import AsJson, require_document
from stepzero_rnn.cli.request import takes_request
from stepzero_rnn.diagnostics.cost import cost
from stepzero_rnn.diagnostics.options import DiagnosticsOptions, LevelName
from stepzero_rnn.diagnostics.results import Diagnostics
from stepzero_rnn.plan import plan
from stepzero_rnn.spec.checkpoint import CheckpointRequest
from stepzero_rnn.spec.parse import parse

_FIELDS = DiagnosticsOptions.model_fields


def _help(name: str) -> str:
    return f"{_FIELDS[name].description}"


SeqLen = Annotated[int | None, typer.Option(help=f"{_help('seq_len')} [default: 100]")]
DependencyLength = Annotated[int | None, typer.Option(help=_help("dependency_length"))]
Level = Annotated[LevelName | None, typer.Option(help=f"{_help('level')} [default: standard]")]


@takes_request("device")
def diagnose(  # noqa: PLR0913 - its options
    request: CheckpointRequest,
    *,
    seq_len: SeqLen = None,
    dependency_length: DependencyLength = None,
    level: Level = None,
    figures: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES", help="Comma-separated figures; by default those of the level."
        ),
    ] = None,
    layer: Annotated[int | None, typer.Option(min=0, help=_help("layer"))] = None,
    inputs: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Your own inputs: an `.npy` file of shape (seq_len, sequences, input_size).",
        ),
    ] = None,
    server: Server = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Measure whether a start can learn dependencies of the length you need.

    Two figures predict training: echo (whether an input of that many steps ago can be read from the
    state) and gradient reach (whether the gradient gets back to it). The findings say what they
    mean, how often that was right in the validation, and what to try.

        stepzero diagnose -t lstm --input-size 10 --hidden-size 64 --seq-len 200
        stepzero diagnose -t rnn --input-size 10 --hidden-size 64 --init orthogonal \\
            --seq-len 200 --dependency-length 20
        stepzero diagnose -t gru --input-size 3 --hidden-size 32 --inputs batch.npy --json
    """
    asked = {
        "seq_len": seq_len,
        "dependency_length": dependency_length,
        "level": level,
        "figures": figures,
        "layer": layer,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    options = parse(DiagnosticsOptions, given)
    there = remote(server, api_key)
    work = cost(plan(request.spec), options).multiply_adds
    with waiting("measuring", work, is_there=there is not None):
        found = _measured(there, request, inputs, given)
    if as_json:
        typer.echo(TypeAdapter(Diagnostics).dump_json(found, indent=2))
        return
    console = Console(highlight=False)
    for part in tables.report(found):
        console.print(part)


def _measured(
    there: Remote | None, request: CheckpointRequest, inputs: Path | None, given: Mapping[str, Any]
) -> Diagnostics:
    options: Any = given
    if there is None:
        return stepzero_rnn.diagnose(request.spec, inputs=inputs, device=request.device, **options)
    with there.connect() as client:
        document = client.diagnose(request.spec, inputs=inputs, device=request.device, **options)
    return require_document(
        Diagnostics, document, f"{there.url} did not return diagnostics that this release can read."
    )
