"""How the tests of the API ask: small specs, raw sockets, and a server in a process of its own."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

GRU: Mapping[str, Any] = {"rnn_type": "gru", "input_size": 10, "hidden_size": 20}
LSTM: Mapping[str, Any] = {"rnn_type": "lstm", "input_size": 10, "hidden_size": 20}
RNN: Mapping[str, Any] = {"rnn_type": "rnn", "input_size": 10, "hidden_size": 20}

# Those of small networks: `onnx_data` has the weights of large ones.
SUFFIXES: Mapping[str, str] = {
    "pt": "pt",
    "safetensors": "safetensors",
    "npz": "npz",
    "bundle": "zip",
    "onnx": "onnx",
    "onnx_zip": "onnx.zip",
    "keras_weights": "weights.h5",
    "keras": "keras",
    "flax": "msgpack",
    "flax_safetensors": "flax.safetensors",
    "mlx": "mlx.safetensors",
}
FORMAT_NAMES = tuple(SUFFIXES)

_SERVE = """
from app.runtime.server import serve
from app.settings import Settings
if __name__ == "__main__":
    serve(Settings(**{"port": 0, "log_level": "warning", **SETTINGS}))
"""


def make(client: httpx.Client, spec: Mapping[str, Any], **fields: Any) -> httpx.Response:
    """Ask for a checkpoint; anything but the file is a failure."""
    answer = client.post("/v1/checkpoints", json={**spec, **fields})
    assert answer.status_code == 200, answer.text
    return answer


def describe(client: httpx.Client, spec: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """Ask what a spec would give."""
    answer = client.post("/v1/plan", json={**spec, **fields})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def permalink(client: httpx.Client, spec: Mapping[str, Any], format: str = "pt") -> str:
    """Return the address of a file whose hash nobody has asked for."""
    address: str = describe(client, spec)["files"][format]["url"]
    return address


def process_seconds(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = _proc(pid, "stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100  # utime and stime, in clock ticks


def resident_bytes(pid: int) -> int:
    """Return the memory that a process has in use."""
    found = re.search(r"^VmRSS:\s+(\d+) kB$", _proc(pid, "status"), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def _proc(pid: int, name: str) -> str:
    with open(f"/proc/{pid}/{name}", encoding="utf-8") as file:  # noqa: PTH123 - not a file to keep
        return file.read()


def free_port() -> int:
    """Return a port of the loopback where nothing listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True)
class Served:
    """A server in a process of its own."""

    url: str
    process: subprocess.Popen[str]


@contextmanager
def server_process(before: str = "", **settings: Any) -> Iterator[Served]:
    """Run a server as a person does, in another process; give it once it is ready.

    `before` is a program that runs first, to make the machine another.
    """
    command = [sys.executable, "-c", before + _SERVE.replace("SETTINGS", repr(settings))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://[0-9.]+:\d+", process.stdout.readline())
            assert found is not None, "the server did not say where it is"
            while httpx.get(f"{found[0]}/healthz/ready", timeout=60).status_code != 200:
                time.sleep(0.05)
            yield Served(found[0], process)
        finally:
            process.kill()


def gauge(served: Served, name: str, *, key: str = "") -> float:
    """Read one figure of the metrics."""
    text = httpx.get(f"{served.url}/metrics", headers={"X-API-Key": key} if key else {}).text
    line = next(line for line in text.splitlines() if line.startswith(f"{name} "))
    return float(line.split()[1])


class Call:
    """One HTTP/1.1 request on a socket of its own, read as slowly as the test likes."""

    def __init__(
        self, url: str, request: bytes, *, receive_buffer_bytes: int | None = None
    ) -> None:
        where = urlsplit(url)
        self.socket = socket.socket()
        if receive_buffer_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        self.socket.settimeout(60)
        self.socket.connect((where.hostname, where.port))
        self.socket.sendall(request)

    @classmethod
    def post(cls, url: str, spec: Mapping[str, Any], **options: Any) -> Call:
        """Ask for a checkpoint."""
        body = json.dumps(spec).encode()
        head = (
            "POST /v1/checkpoints HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return cls(url, head.encode() + body, **options)

    @classmethod
    def get(cls, url: str, path: str, **options: Any) -> Call:
        """Ask for a page."""
        head = f"GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
        return cls(url, head.encode(), **options)

    def __enter__(self) -> Call:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def read(self, most: int) -> bytes:
        """Return up to `most` bytes as they come; b"" at the end."""
        return self.socket.recv(most)

    def read_head(self) -> tuple[int, dict[str, str], bytes]:
        """Return the status, the headers and what came of the body with them."""
        text = b""
        while b"\r\n\r\n" not in text:
            text += self.read(1024)
        head, _, body = text.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)
        }
        return int(status.split()[1]), headers, body

    def read_rest(self) -> Iterator[bytes]:
        """Return the body until the server closes the connection."""
        while part := self.read(1 << 20):
            yield part
