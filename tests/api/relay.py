"""A proxy between a client and the server: it keeps what is asked, and may break off."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

PART_BYTES = 1 << 16
OF_A_HOP = {"connection", "keep-alive", "transfer-encoding", "date", "server"}
NEWS = "/api/agent-harnesses"  # of no repository; asked for once a day


@dataclass(frozen=True)
class Asked:
    """One request and the status of its answer."""

    method: str
    path: str
    status: int
    headers: dict[str, str]


class Relay(ThreadingHTTPServer):
    """A proxy; `cut_bytes` is where it breaks off the next body that is longer."""

    def __init__(self, there: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.there = there
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.asked: list[Asked] = []
        self.cut_bytes: int | None = None

    def lines(self) -> list[str]:
        """Return the requests so far as text, and forget them."""
        return [f"{one.method} {one.path}" for one in self.taken()]

    def statuses(self) -> list[int]:
        """Return the statuses so far, and forget them."""
        return [one.status for one in self.taken()]

    def taken(self) -> list[Asked]:
        """Return the requests so far, and forget them."""
        seen, self.asked[:] = [*self.asked], []
        return seen


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Relay

    def handle(self) -> None:
        with suppress(ConnectionError):
            super().handle()

    def pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with closing(http.client.HTTPConnection(self.server.there, timeout=60)) as there:
            there.request(self.command, self.path, body, dict(self.headers))
            with there.getresponse() as answer:
                self._send(answer)

    def _send(self, answer: http.client.HTTPResponse) -> None:
        if not self.path.endswith(NEWS):
            asked = Asked(self.command, self.path, answer.status, dict(self.headers))
            self.server.asked.append(asked)
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in OF_A_HOP:
                self.send_header(name, value)
        self.end_headers()
        sent = 0
        while part := answer.read(PART_BYTES):
            self.wfile.write(part)
            sent += len(part)
            if self.server.cut_bytes is not None and sent >= self.server.cut_bytes:
                self.server.cut_bytes = None
                self.close_connection = True
                return

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    do_GET = do_HEAD = do_POST = pass_on  # noqa: N815 - the names that are called


@contextmanager
def relay_to(url: str) -> Iterator[Relay]:
    """Run a proxy in front of a server."""
    with Relay(urlsplit(url).netloc) as relay:
        thread = Thread(target=relay.serve_forever, daemon=True)
        thread.start()
        try:
            yield relay
        finally:
            relay.shutdown()
            thread.join()
