"""Runs the application under uvicorn, in this process or in several."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from logging.config import dictConfig
from types import FrameType

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.api.app import create_app
from app.api.context import Door
from app.api.logs import log_config
from app.api.streaming import ABORT
from app.api.workers import Supervisor
from app.service.memory import keep_few_arenas
from app.service.metrics import shared
from app.settings import Settings

UNSENT_BYTES = 128 << 10  # what the kernel takes of a stream before it is on its way
BUFFERED_BYTES = 32 << 10  # more than that, and the next chunk waits: the smallest is larger
BACKLOG = 2048
CLOSING_S = 1  # for connections that have nothing left to say


class Protocol(HttpToolsProtocol):
    """A connection that can be broken off, and whose unsent bytes stay with the server, which can count them."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=BUFFERED_BYTES)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: self.transport.abort}  # type: ignore[dict-item]


class Server(uvicorn.Server):
    """A uvicorn server that says where it is once it listens, and that stops in two steps.

    After a signal to stop it is not ready and refuses new work, and ends when what runs has ended, or its time is over.
    """

    def __init__(self, config: uvicorn.Config, door: Door, grace_s: float) -> None:
        super().__init__(config)
        self._door = door
        self._grace_s = grace_s
        self._end_s: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop once what runs has ended, then exit with 0; a second signal ends it at once."""
        if self.should_exit:
            os._exit(128 + sig)  # nothing is stored, so nothing is left half done
        self._door.is_open = False
        self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Say whether it is time to go."""
        if not await super().on_tick(counter):
            return False
        if self._end_s is None:
            self._end_s = time.monotonic() + self._grace_s
        return not self.server_state.tasks or time.monotonic() >= self._end_s

    def _log_started_message(self, listeners: object) -> None:
        _say_where(self.servers[0].sockets[0])


def serve(settings: Settings) -> None:
    """Serve until a signal ends it."""
    if settings.serves_anybody:
        _warn_of_strangers(settings.host)
    if settings.workers == 1:
        _serve_here(settings)
        return
    dictConfig(log_config(settings))
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    address = settings.host, settings.port
    # It listens at once: who comes before the first worker is ready waits.
    with shared(), socket.create_server(address, family=family, backlog=BACKLOG) as listener:
        _say_where(listener)
        Supervisor(_serve_here, settings.of_a_worker(), listener).run(settings.workers)


def _serve_here(settings: Settings, listener: socket.socket | None = None) -> None:
    """Serve in this process; on a socket that others listen on as well, where one is given."""
    keep_few_arenas()
    api = create_app(settings)
    config = uvicorn.Config(
        api,
        host=settings.host,
        port=settings.port,
        log_config=log_config(settings),
        loop="uvloop",
        http=Protocol,
        access_log=False,
        timeout_graceful_shutdown=CLOSING_S,
        server_header=False,
        proxy_headers=False,  # the application knows which proxies to believe
    )
    Server(config, api.state.door, settings.shutdown_grace_s).run([listener] if listener else None)


def _warn_of_strangers(host: str) -> None:
    print(
        f"There are no keys: everybody who can reach {host} is served. `stepzero key new NAME` makes a key.",
        file=sys.stderr,
    )


def _say_where(listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    base = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    print(
        f"Step Zero is at {base}/  ·  API: {base}/docs  ·  first file: "
        f"curl -fL -o gru.pt '{base}/v1/checkpoints?rnn_type=gru&input_size=10&hidden_size=20'",
        flush=True,
    )
