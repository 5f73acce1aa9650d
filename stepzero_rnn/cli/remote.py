"""The options of every command that may ask a server instead of drawing here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from stepzero_rnn.cli.notices import notice
from stepzero_rnn.errors import RequestError

if TYPE_CHECKING:
    from stepzero_rnn.client import Client

Server = Annotated[str | None, typer.Option(metavar="URL", help="Ask this server instead.")]
ApiKey = Annotated[
    str | None,
    typer.Option(
        metavar="KEY",
        envvar="STEPZERO_API_KEY",
        help="The key to ask it with. A command is seen by others on this machine; the environment is not.",
    ),
]

_SERVER = re.compile(r"https?://[^/?#\s]+(/[^?#\s]*)?")


class Remote(NamedTuple):
    """A server, and the key to ask it with."""

    url: str
    api_key: str | None

    def connect(self) -> Client:
        """Open connections to it, for a `with` block."""
        from stepzero_rnn.client import Client

        return Client(self.url, api_key=self.api_key, on_wait=notice)


def remote(server: str | None, api_key: str | None) -> Remote | None:
    """Return the server that is asked for, None for this machine.

    Raises:
        RequestError: it is no address of one.
    """
    if not server:
        return None
    url = (server if "://" in server else f"http://{server}").rstrip("/")
    if not _SERVER.fullmatch(url):
        raise RequestError(
            f"--server {server} is not the address of a server, as http://localhost:8000 is."
        )
    return Remote(url, api_key)
