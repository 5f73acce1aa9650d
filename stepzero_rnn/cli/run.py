"""`stepzero serve`, `warm` and `version`: the service itself."""

from __future__ import annotations

import os
from typing import Annotated

import typer

import stepzero_rnn
from stepzero_rnn.spec.canonical import STREAM_VERSION


def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port; 0 takes a free one. [default: 8000]")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="Threads that draw. [default: one per core]")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes that share these threads. [default: 1]")
    ] = None,
) -> None:
    """Serve over HTTP, with a web page at `/` and Swagger UI at `/docs`.

    Every setting can come from the environment as well, as `STEPZERO_NAME`; options go first. It exits
    with 4 where it cannot listen: the port is taken or forbidden, or the host is not this machine's.

        stepzero serve --port 8080
        STEPZERO_API_KEYS_FILE=keys stepzero serve --host 0.0.0.0
    """
    from app.api.server import serve as run
    from stepzero_rnn.cli.environment import read_settings

    given = {"host": host, "port": port, "threads": threads, "workers": workers}
    named = {name: value for name, value in given.items() if value is not None}
    run(read_settings(named, os.environ))  # noqa: TID251 - its names, to find those misspelt


def warm() -> None:
    """Compile every kernel now, so that the first request need not wait; for building images."""
    from stepzero_rnn.engine.warm import warm as compile_all

    compile_all()


def version() -> None:
    """Say which release this is, and which stream version it draws."""
    typer.echo(f"stepzero {stepzero_rnn.__version__}, stream version {STREAM_VERSION}")
