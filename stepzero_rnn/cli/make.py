"""`stepzero make`: write a checkpoint to a file or a pipe."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from stepzero_rnn.cli.remote import ApiKey, Server, remote
from stepzero_rnn.cli.request import takes_request
from stepzero_rnn.cli.there import is_in_the_way, left
from stepzero_rnn.cli.words import place
from stepzero_rnn.cli.writing import is_stdout, write
from stepzero_rnn.errors import RequestError
from stepzero_rnn.formats.naming import choose_format
from stepzero_rnn.pipeline.job import Job, plan_job
from stepzero_rnn.pipeline.limits import Limits
from stepzero_rnn.spec.checkpoint import CheckpointRequest, FormatName
from stepzero_rnn.spec.spec_warnings import spec_warnings
from stepzero_rnn.targets import path_of_file


def _named(text: str | Path) -> Path:
    try:
        return path_of_file(text)
    except NotADirectoryError as error:
        raise typer.BadParameter(f"{error.filename}: {error.strerror}.") from error


@takes_request("format", "device")
def make(  # noqa: PLR0913 - its options
    request: CheckpointRequest,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="PATH",
            parser=_named,
            help="A file, a directory, or `-` for stdout. [default: a name derived from the recipe]",
        ),
    ] = None,
    server: Server = None,
    api_key: ApiKey = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    skip_existing: Annotated[
        bool,
        typer.Option(
            "--skip-existing",
            help="Keep an existing file; fail if it belongs to another recipe or does not match "
            "its checksums. Only zips (`.pt`, `.npz`, `.zip`, `.onnx.zip`, `.keras`) have any: of others, recipe "
            "and length are verified, and `sha256` is null.",
        ),
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print the result (with its sha256) or the error as JSON."),
    ] = False,
) -> None:
    """Create a checkpoint: draw it, check it, write it.

    The file appears under its name only once it is complete. An interrupted download resumes where
    it stopped. Devices and pipes are written to directly. Without `--format`, the suffix of the
    output decides; without a suffix the format is `pt`.

        stepzero make -t gru --input-size 10 --hidden-size 20
        stepzero make -t lstm --input-size 512 --hidden-size 2048 -o lstm.safetensors
        stepzero make -t lstm --input-size 64 --hidden-size 128 \\
            --init '{"weight_hh": "orthogonal", "bias": "forget"}'
        stepzero make --spec spec.json --seed 7 --server http://localhost:8000
        stepzero make -t gru --input-size 10 --hidden-size 32 --arrays old.safetensors --grow
        stepzero make -t gru --input-size 10 --hidden-size 32 -f onnx
        stepzero make --recipe TOKEN -o - | sha256sum
    """
    if force and skip_existing:
        raise RequestError("Use either --force or --skip-existing, not both.")
    job = plan_job(request.spec, _format(request, output), request.serving, Limits.none())
    there = remote(server, api_key)
    path = None if is_stdout(output) else _path(output, job)
    is_left = path is not None and not force and is_in_the_way(path)
    digest = None
    try:
        if not is_left:
            digest = write(job, path, there, replace=force)
    except FileExistsError:  # created in the meantime
        is_left = True
    if path and is_left:
        digest = left(path, job, skip_existing=skip_existing)
    facts = {
        "path": str(path or "-"),
        "size_bytes": job.size_bytes,
        "sha256": digest,
        "recipe": job.recipe,
        "permalink": f"{there.url if there else ''}{job.path}/{job.file_name()}",
        "skipped": is_left,
    }
    _report(facts, as_json=as_json, to_stderr=path is None)
    for warning in spec_warnings(request.spec):
        typer.echo(f"Warning: {place(warning.pointer, {})}: {warning.detail}.", err=True)
    if reason := job.format.warning(request.spec):
        typer.echo(f"Warning: {reason}.", err=True)


def _format(request: CheckpointRequest, output: Path | None) -> FormatName:
    """Choose the format: as requested, else by the output's suffix, else `pt`."""
    is_folder = output is not None and output.is_dir()
    return choose_format(None if is_folder else output, request.format)


def _path(output: Path | None, job: Job) -> Path:
    path = output or Path(job.file_name())
    return path / job.file_name() if path.is_dir() else path


def _report(facts: Mapping[str, Any], *, as_json: bool, to_stderr: bool) -> None:
    lines = f"{facts['path']}\n{facts['size_bytes']:,} bytes{_skipped(facts)}\n{facts['permalink']}"
    typer.echo(json.dumps(facts) if as_json else lines, err=to_stderr)


def _skipped(facts: Mapping[str, Any]) -> str:
    if not facts["skipped"]:
        return ""
    limits = "" if facts["sha256"] else " (only its recipe and length were verified)"
    return f", already existed{limits}"
