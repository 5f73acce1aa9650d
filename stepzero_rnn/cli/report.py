"""`stepzero report`: a start, or several side by side, as a page, a picture or a document."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

import stepzero_rnn
from stepzero_rnn import targets
from stepzero_rnn.cli.diagnose import DependencyLength, Level, SeqLen
from stepzero_rnn.cli.progress import waiting
from stepzero_rnn.cli.remote import ApiKey, Remote, Server, remote
from stepzero_rnn.cli.request import takes_requests
from stepzero_rnn.cli.there import is_in_the_way
from stepzero_rnn.cli.writing import is_stdout, require_stdout
from stepzero_rnn.diagnostics.cost import cost
from stepzero_rnn.errors import RequestError
from stepzero_rnn.plan import plan
from stepzero_rnn.reports.requests import (
    MEDIA_TYPES,
    ReportFormat,
    ReportOptions,
    file_name,
    require_format,
    require_one_network,
)
from stepzero_rnn.spec.checkpoint import CheckpointRequest
from stepzero_rnn.spec.parse import parse


@takes_requests("device")
def report(  # noqa: PLR0913 - its options
    requests: Sequence[CheckpointRequest],
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="PATH",
            help="A file, a directory, or `-` for stdout. The suffix decides the format: `html`, "
            "`svg`, `png` or `pdf`. [default: an HTML file with a name derived from the recipe]",
        ),
    ] = None,
    format: Annotated[
        ReportFormat | None,
        typer.Option(help="The format, if the output's suffix does not decide it."),
    ] = None,
    seq_len: SeqLen = None,
    dependency_length: DependencyLength = None,
    level: Level = None,
    server: Server = None,
    api_key: ApiKey = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Write a report of a start: findings, plots and tensors, for a paper or a pull request.

    A SPEC is a JSON file (`-` for stdin), a recipe token or a permalink. Several of them, for one
    network, are compared. Options override the fields of each; without a SPEC they describe the
    start. Requires the extra `report`, here or on the server.

        stepzero report -t lstm --input-size 10 --hidden-size 64 --init orthogonal -o lstm.pdf
        stepzero report before.json after.json --seq-len 200 -o comparison.html
        stepzero report --recipe TOKEN --server http://localhost:8000 -o - --format svg > start.svg
    """
    asked = {"seq_len": seq_len, "dependency_length": dependency_length, "level": level}
    given: Any = {name: value for name, value in asked.items() if value is not None}
    name = _format(output, format)
    specs = [request.spec for request in requests]
    require_one_network(specs)
    if is_stdout(output):
        require_stdout("report")
    path = None if is_stdout(output) else _path(output, file_name(specs[0], name))
    if path is not None and not force and is_in_the_way(path):
        raise RequestError(f"{path} already exists; use --force to replace it.")
    there = remote(server, api_key)
    work = len(specs) * cost(plan(specs[0]), parse(ReportOptions, given).options).multiply_adds
    with waiting("measuring", work, is_there=there is not None):
        made = _made(there, requests, {**given, "format": name})
    if path is None:
        sys.stdout.buffer.write(made)
        sys.stdout.buffer.flush()
        return
    targets.write(path, [made], size_bytes=len(made), replace=force)
    typer.echo(f"{path}\n{len(made):,} bytes")


def _made(there: Remote | None, requests: Sequence[CheckpointRequest], options: Any) -> bytes:
    specs = [request.spec for request in requests]
    device = requests[0].device
    if there is None:
        return stepzero_rnn.report(*specs, device=device, **options)
    with there.connect() as client:
        return client.report(*specs, device=device, **options)


def _format(output: Path | None, named: ReportFormat | None) -> ReportFormat:
    """Choose the format: the suffix's, or the one named, or HTML."""
    suffix = "" if output is None or output.is_dir() else output.suffix.lower().removeprefix(".")
    if named and suffix in MEDIA_TYPES and suffix != named:
        raise RequestError(f"{output} is the name of a {suffix} file, but --format is {named}.")
    if suffix and not named and not (output and targets.takes_a_stream(output)):
        return require_format(suffix)
    return named or "html"


def _path(output: Path | None, name: str) -> Path:
    path = output or Path(name)
    return path / name if path.is_dir() else path
