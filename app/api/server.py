"""Runs the application under uvicorn."""

from __future__ import annotations

from types import FrameType

import uvicorn

from app.api.app import create_app
from app.api.logs import log_config
from app.settings import Settings


class Server(uvicorn.Server):
    """A uvicorn server that says where it is once it listens."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop once what runs has ended, then exit with 0; a second signal ends it at once."""
        self.force_exit = self.should_exit
        self.should_exit = True

    def _log_started_message(self, listeners: object) -> None:
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        base = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        print(
            f"Step Zero is at {base}/  ·  API: {base}/docs  ·  first file: "
            f"curl -fL -o gru.pt '{base}/v1/checkpoints?rnn_type=gru&input_size=10&hidden_size=20'",
            flush=True,
        )


def serve(settings: Settings) -> None:
    """Serve until a signal ends it."""
    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=log_config(settings),
        loop="uvloop",
        http="httptools",
        access_log=False,
        timeout_graceful_shutdown=settings.shutdown_grace_s,
        server_header=False,
    )
    Server(config).run()
