"""`python -m app`: starts the service."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from app.runtime.environment import read_settings
from app.runtime.server import serve
from stepzero_rnn.cli.refusals import RefusingCommand

cli = typer.Typer(
    name="python -m app",
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@cli.command(cls=RefusingCommand)
def start(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on; 0 picks a free one. [default: 8000]")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="Threads that draw weights. [default: one per core]")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes that share these threads. [default: 1]")
    ] = None,
) -> None:
    """Serve Step Zero over HTTP, with a web page at `/` and Swagger UI at `/docs`.

    Every setting can also be given as an environment variable, `STEPZERO_<NAME>`; options take
    precedence.

        python -m app --port 8080
        STEPZERO_API_KEYS_FILE=keys python -m app --host 0.0.0.0

    Exit codes: **2** invalid option or setting; **4** cannot listen on the address: the port is in
    use or privileged, or the host is not an address of this machine.
    """
    options = {"host": host, "port": port, "threads": threads, "workers": workers}
    named = {name: value for name, value in options.items() if value is not None}
    serve(read_settings(named, os.environ))  # noqa: TID251 - names only, to find misspelt ones


if __name__ == "__main__":
    cli()
