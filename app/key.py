"""`python -m app.key NAME`: creates an API key for the service."""

from __future__ import annotations

from typing import Annotated

import typer

from app.callers.api_keys import new_key
from stepzero_rnn.cli.refusals import RefusingCommand
from stepzero_rnn.errors import RequestError

cli = typer.Typer(
    name="python -m app.key",
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@cli.command(cls=RefusingCommand)
def key(
    name: Annotated[
        str, typer.Argument(help="Owner of the key, as shown in logs and rate limits.")
    ],
) -> None:
    """Create an API key.

    The key is shown only once, on stderr. The line that the server stores (a hash) goes to stdout:

        python -m app.key ci >> keys
    """
    try:
        text, record = new_key(name)
    except ValueError as error:
        raise RequestError(f"{name!r} is not a valid key name: {error}.") from error
    typer.echo("API key (shown only once):", err=True)
    typer.echo(text, err=True)
    typer.echo("Line for STEPZERO_API_KEYS_FILE or STEPZERO_API_KEYS:", err=True)
    typer.echo(record.line)


if __name__ == "__main__":
    cli()
