"""The options of every command that can use a server instead of this machine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from stepzero_rnn.cli.notices import notice
from stepzero_rnn.errors import RequestError

if TYPE_CHECKING:
    from stepzero_rnn.client import Client

Server = Annotated[
    str | None, typer.Option(metavar="URL", help="Use this server instead of drawing locally.")
]
ApiKey = Annotated[
    str | None,
    typer.Option(
        metavar="KEY",
        envvar="STEPZERO_API_KEY",
        help="API key for the server. Command lines are visible to other users of this machine; "
        "the environment variable is not.",
    ),
]

_SERVER = re.compile(r"https?://[^/?#\s]+(/[^?#\s]*)?")


class Remote(NamedTuple):
    """A server, and the API key for it."""

    url: str
    api_key: str | None

    def connect(self) -> Client:
        """Return a client for the server, to be used in a `with` block."""
        from stepzero_rnn.client import Client

        return Client(self.url, api_key=self.api_key, on_wait=notice)


def remote(server: str | None, api_key: str | None) -> Remote | None:
    """Return the server to use; None means this machine.

    Raises:
        RequestError: `server` is not the URL of a server.
    """
    if not server:
        return None
    url = (server if "://" in server else f"http://{server}").rstrip("/")
    if not _SERVER.fullmatch(url):
        raise RequestError(
            f"--server {server} is not a server URL; it should look like http://localhost:8000."
        )
    return Remote(url, api_key)
