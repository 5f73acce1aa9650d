"""A server that follows a script, for what a real one does seldom: hang up, err, alter bytes."""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from stepzero_rnn.client import file_path
from stepzero_rnn.errors import NotReady, StepZeroError
from stepzero_rnn.pipeline.job import plan_job
from stepzero_rnn.pipeline.limits import Limits
from stepzero_rnn.spec.checkpoint import Serving, Spec
from stepzero_rnn.spec.recipe import encode_recipe

GRU: dict[str, Any] = {"rnn_type": "gru", "input_size": 10, "hidden_size": 20}
TOKEN = encode_recipe(Spec(rnn_type="gru", input_size=10, hidden_size=20))
PLANNED = plan_job(Spec(**GRU), "pt", Serving(), Limits.none())
ETAG = PLANNED.etag
FILE = (bytes(range(256)) * 1000)[: PLANNED.size_bytes]  # as long as planned; it tells its own CRC
HALF = len(FILE) // 2


class Visit(BaseHTTPRequestHandler):
    """One request to the scripted server."""

    protocol_version = "HTTP/1.1"
    server: Script

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def do_GET(self) -> None:
        self.server.visits.append((self.path, dict(self.headers)))
        number = min(len(self.server.visits), len(self.server.answers)) - 1
        self.server.answers[number](self)

    def answer(self, status: int, headers: dict[str, str], body: bytes, *, sent: int = -1) -> None:
        """Announce `body`, send its first `sent` bytes (default all); hang up if sent is given."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body if sent < 0 else body[:sent])
        self.close_connection = sent >= 0

    def log_message(self, *args: Any, **kwargs: Any) -> None:
        """Say nothing."""


Answer = Callable[[Visit], None]


class Script(ThreadingHTTPServer):
    """A server that gives one answer after another, then repeats the last."""

    daemon_threads = True

    def __init__(self, *answers: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Visit)
        self.answers = answers
        self.visits: list[tuple[str, dict[str, str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving(*answers: Answer) -> Iterator[Script]:
    with Script(*answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def crc32(body: bytes) -> str:
    return f"{zlib.crc32(body):08x}"


def whole(body: bytes = FILE, *, etag: str = ETAG, sent: int = -1, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    said = {"ETag": etag, "Stepzero-Crc32": crc32(body)} | named
    return lambda visit: visit.answer(200, said, body, sent=sent)


def ranged(body: bytes = FILE, *, etag: str = ETAG, sent: int = -1) -> Answer:
    """Answer as the service does: the range that was asked for if the tag is the file's."""

    def answer(visit: Visit) -> None:
        asked = visit.headers.get("Range")
        if asked is None or visit.headers.get("If-Range") != etag:
            return whole(body, etag=etag, sent=sent)(visit)
        first = int(asked.removeprefix("bytes=").removesuffix("-"))
        content_range = f"bytes {first}-{len(body) - 1}/{len(body)}"
        headers = {"ETag": etag, "Content-Range": content_range}
        return visit.answer(206, headers, body[first:], sent=sent)

    return answer


def partial(content_range: str, body: bytes = FILE[HALF:], *, etag: str = ETAG) -> Answer:
    headers = {"ETag": etag, "Content-Range": content_range}
    return lambda visit: visit.answer(206, headers, body)


def problem(error: StepZeroError, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    said = {"Content-Type": "application/problem+json"} | named
    body = json.dumps(error.problem()).encode()
    return lambda visit: visit.answer(error.status, said, body)


def document(value: Any) -> Answer:
    body = json.dumps(value).encode()
    return lambda visit: visit.answer(200, {"Content-Type": "application/json"}, body)


def hang_up(visit: Visit) -> None:
    visit.close_connection = True


BUSY = NotReady(reason="it starts", retry_after_s=0)


def leave_part(path: Path, data: bytes | bytearray, **notes: Any) -> None:
    """Leave behind what a killed download leaves behind."""
    known = {
        "url": file_path(Spec(**GRU), "pt"),
        "etag": ETAG,
        "size_bytes": len(FILE),
        "checksum": f"crc32:{crc32(FILE)}",
    }
    path.with_name(f"{path.name}.part").write_bytes(data)
    path.with_name(f"{path.name}.part.json").write_text(json.dumps(known | notes))
