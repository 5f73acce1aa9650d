"""A proxy between a client and the server: it keeps what is asked, and may break off."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

PART_BYTES = 1 << 16
OF_A_HOP = {"connection", "keep-alive", "transfer-encoding", "date", "server"}


@dataclass(frozen=True)
class Asked:
    """One request and the status of its answer."""

    method: str
    path: str
    status: int
    headers: dict[str, str]


@dataclass
class Relay:
    """What a proxy has seen; `cut_bytes` is where it breaks off the next body that is longer."""

    url: str
    asked: list[Asked] = field(default_factory=list)
    cut_bytes: int | None = None

    def lines(self) -> list[str]:
        """Return the requests so far as text, and forget them."""
        seen, self.asked[:] = [f"{one.method} {one.path}" for one in self.asked], []
        return seen

    def statuses(self) -> list[int]:
        """Return the statuses so far, and forget them."""
        seen, self.asked[:] = [one.status for one in self.asked], []
        return seen


@contextmanager
def relay_to(url: str) -> Iterator[Relay]:
    """Run a proxy in front of a server."""
    where = urlsplit(url).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            there = http.client.HTTPConnection(where, timeout=60)
            there.request(self.command, self.path, self.rfile.read(length), dict(self.headers))
            answer = there.getresponse()
            asked = Asked(self.command, self.path, answer.status, dict(self.headers))
            relay.asked.append(asked)
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in OF_A_HOP:
                    self.send_header(name, value)
            self.end_headers()
            self._copy(answer)
            there.close()

        def _copy(self, answer: http.client.HTTPResponse) -> None:
            sent = 0
            while part := answer.read(PART_BYTES):
                self.wfile.write(part)
                sent += len(part)
                if relay.cut_bytes is not None and sent >= relay.cut_bytes:
                    relay.cut_bytes = None
                    self.close_connection = True
                    return

        def log_message(self, *_: object) -> None:
            pass

        do_GET = do_HEAD = do_POST = pass_on  # noqa: N815 - the names that are called

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        relay = Relay(f"http://127.0.0.1:{server.server_address[1]}")
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield relay
        finally:
            server.shutdown()
            thread.join()
