"""Runs the application under uvicorn, in this process or in several."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
import time
from functools import partial
from logging.config import dictConfig
from types import FrameType
from typing import cast

import uvicorn
from fastapi import FastAPI

from app.context import ServerState
from app.main import create_app
from app.runtime.connection import Connection
from app.runtime.listening import listen
from app.runtime.logs import log_config
from app.runtime.supervisor import Supervisor
from app.settings import Settings
from app.telemetry.memory import keep_few_arenas
from app.telemetry.worker_folder import shared

CLOSING_S = 1  # for idle connections
LEAVING_S = 3  # after the grace period, for threads that are computing a matrix


class Server(uvicorn.Server):
    """A uvicorn server that stops in two steps.

    After a stop signal it is no longer ready and rejects new work; it exits when running requests
    have finished, or when the grace period is over.
    """

    def __init__(self, config: uvicorn.Config, server_state: ServerState, grace_s: float) -> None:
        super().__init__(config)
        self._server_state = server_state
        self._grace_s = grace_s
        self._end_s: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop once running requests have finished, then exit with 0; a second signal exits at
        once.
        """
        if self.should_exit:
            os._exit(128 + sig)  # safe: nothing is stored that could be incomplete
        self._server_state.is_accepting = False
        self.should_exit = True
        end = threading.Timer(self._grace_s + LEAVING_S, os._exit, [0])
        end.daemon = True
        end.start()

    async def on_tick(self, counter: int) -> bool:
        """Return True when the server should exit."""
        if not await super().on_tick(counter):
            return False
        if self._end_s is None:
            self._end_s = time.monotonic() + self._grace_s
        return not self.server_state.tasks or time.monotonic() >= self._end_s


def serve(settings: Settings) -> None:
    """Serve until a stop signal.

    Raises:
        CannotListen: cannot listen on the address; nothing was started.
    """
    listener = listen(settings.host, settings.port)
    if settings.serves_anybody:
        _warn_of_anonymous_access(settings.host)
    _print_url(listener)
    if settings.workers == 1:
        _serve_here(settings, listener)
        return
    dictConfig(log_config(settings))
    with shared(), listener:
        Supervisor(_serve_here, settings.of_a_worker(), listener).run(settings.workers)


def _serve_here(settings: Settings, listener: socket.socket) -> None:
    """Serve in this process, on a socket that other processes may share."""
    keep_few_arenas()
    api = create_app(settings)
    dictConfig(log_config(settings))
    server_of(settings, api).run([listener])


def server_of(settings: Settings, api: FastAPI) -> Server:
    """Return a server of the application; logging and memory of its process are left alone."""
    config = uvicorn.Config(
        api,
        host=settings.host,
        port=settings.port,
        log_config=None,
        loop="uvloop",
        http=_protocol(settings),
        access_log=False,
        timeout_graceful_shutdown=CLOSING_S,
        server_header=False,
        proxy_headers=False,  # the application knows which proxies to trust
    )
    return Server(config, api.state.server_state, settings.shutdown_grace_s)


def _protocol(settings: Settings) -> type[asyncio.Protocol]:
    """Return the factory of uvicorn's connections."""
    factory = partial(
        Connection,
        grace_s=settings.client_grace_s,
        min_bytes_per_s=settings.min_client_bytes_per_s,
    )
    return cast("type[asyncio.Protocol]", factory)


def _warn_of_anonymous_access(host: str) -> None:
    print(
        f"Warning: no API keys are configured, so anyone who can reach {host} is served. "
        "Create a key with `python -m app.key NAME`.",
        file=sys.stderr,
    )


def _print_url(listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    base = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    print(
        f"Step Zero is running at {base}/  ·  API docs: {base}/docs  ·  first checkpoint: "
        f"curl -fL -o gru.pt '{base}/v1/checkpoints?rnn_type=gru&input_size=10&hidden_size=20'",
        flush=True,
    )
