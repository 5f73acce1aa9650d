"""`stepzero make`: a checkpoint into a file or a pipe."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

import app
from app.cli.remote import ApiKey, Remote, Server, remote
from app.cli.request import takes_request
from app.errors import RequestError
from app.formats.naming import choose_format
from app.service.limits import Limits
from app.service.order import Order, order
from app.spec.cautions import cautions
from app.spec.checkpoint import CheckpointRequest, FormatName

BAR_FROM_BYTES = 8 << 20  # below this a bar would only flicker
COPY_BYTES = 1 << 20

Show = Callable[[int, int], None]


@takes_request("format", "device")
def make(
    request: CheckpointRequest,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="PATH",
            help="A file, a folder, or `-` for stdout. [default: a name that tells the recipe]",
        ),
    ] = None,
    server: Server = None,
    api_key: ApiKey = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the file if it is there.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Say in JSON what was made.")] = False,
) -> None:
    """Make a checkpoint: draw it, check it, write it.

    The file appears under its name once it is whole. A download that broke off is taken up where
    it ended. Without `--format` the output's suffix decides, else it is `pt`.

        stepzero make -t gru --input-size 10 --hidden-size 20
        stepzero make -t lstm --input-size 512 --hidden-size 2048 -o lstm.safetensors
        stepzero make -t lstm --input-size 64 --hidden-size 128 \\
            --init '{"weight_hh": "orthogonal", "bias": "forget"}'
        stepzero make --spec spec.json --seed 7 --server http://localhost:8000
        stepzero make -t gru --input-size 10 --hidden-size 32 --arrays old.safetensors --grow
        stepzero make --recipe TOKEN -o - | sha256sum
    """
    to_stdout = str(output) == "-"
    ordered = order(request.spec, _format(request, output), request.serving, Limits.none())
    there = remote(server, api_key)
    if to_stdout:
        _pipe(ordered, there)
    else:
        output = _free_path(output, ordered, force=force)
        _write(ordered, output, there)
    permalink = (server or "").rstrip(
        "/"
    ) + f"/v1/checkpoints/{ordered.recipe}/{ordered.file_name()}"
    facts = {"path": str(output), "size_bytes": ordered.size_bytes, "permalink": permalink}
    lines = f"{output}\n{ordered.size_bytes:,} bytes\n{permalink}"
    typer.echo(json.dumps(facts) if as_json else lines, err=to_stdout)
    for caution in cautions(request.spec):
        typer.echo(f"Warning: {caution.pointer}: {caution.detail}.", err=True)


def _format(request: CheckpointRequest, output: Path | None) -> FormatName:
    """Choose the format: as asked, or by the output's suffix, or `pt`."""
    is_folder = output is not None and output.is_dir()
    return choose_format(None if is_folder else output, request.format)


def _free_path(output: Path | None, ordered: Order, *, force: bool) -> Path:
    path = output or Path(ordered.file_name())
    if path.is_dir():
        path /= ordered.file_name()
    if path.exists() and not force:
        raise RequestError(f"{path} is there already; --force replaces it.")
    return path


def _write(ordered: Order, path: Path, there: Remote | None) -> None:
    device, name = ordered.serving.device, ordered.format.name
    with _bar(ordered) as show:
        if there is None:
            app.save(ordered.spec, path, format=name, device=device, progress=show)
            return
        with there.connect() as client:
            client.download(ordered.spec, path, format=name, device=device, progress=show)


def _pipe(ordered: Order, there: Remote | None) -> None:
    """Write to stdout; from a server through a temporary file, so a pipe gets all or nothing."""
    if sys.stdout.isatty():
        raise RequestError("A terminal cannot show a checkpoint; send stdout to a file or a pipe.")
    out = sys.stdout.buffer
    if there is None:
        for chunk in app.stream(
            ordered.spec, format=ordered.format.name, device=ordered.serving.device
        ):
            out.write(chunk)
        out.flush()
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, ordered.file_name())
        _write(ordered, path, there)
        with path.open("rb") as file:
            while chunk := file.read(COPY_BYTES):
                out.write(chunk)
    out.flush()


@contextmanager
def _bar(ordered: Order) -> Iterator[Show]:
    """Show progress on stderr, where somebody sees it and the file is worth it."""
    console = Console(stderr=True)
    hidden = not console.is_terminal or ordered.size_bytes < BAR_FROM_BYTES
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        # Nothing is written before the whole network is checked, so the bar has no length at first.
        task = progress.add_task("checking", total=None)

        def show(done: int, total: int) -> None:
            progress.update(task, description="writing", completed=done, total=total)

        yield show
