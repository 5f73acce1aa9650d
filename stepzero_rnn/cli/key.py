"""`stepzero key`: the API keys of a server."""

from __future__ import annotations

from typing import Annotated

import typer

from stepzero_rnn.errors import RequestError

HELP = "Make API keys for a server."


def new(
    name: Annotated[str, typer.Argument(help="Whose it is: what logs and limits call it.")],
) -> None:
    """Make a key. Its text goes to stderr, once and nowhere else; the line that a server keeps, to stdout.

    So the file of keys gets the line alone:

        stepzero key new ci >> keys
    """
    from app.service.keys import new_key

    try:
        text, key = new_key(name)
    except ValueError as error:
        raise RequestError(f"{name!r} cannot be a key's name: {error}.") from error
    typer.echo("The key, for whoever asks; it is not kept:", err=True)
    typer.echo(text, err=True)
    typer.echo("Its line, for STEPZERO_API_KEYS_FILE or STEPZERO_API_KEYS:", err=True)
    typer.echo(key.line)
