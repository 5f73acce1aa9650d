"""What the malicious clients of a soak do: they ask for what is dear and take nothing of it, or
never come to an end.
"""

from __future__ import annotations

import io
import json
import random
import socket
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import numpy as np

from scripts.soak.deeds import Deed
from scripts.soak.served import DEAR, Served

DEEP: dict[str, Any] = {"rnn_type": "gru", "input_size": 4, "hidden_size": 4, "num_layers": 256}
CLAIMS = b"X-Forwarded-For: 192.0.2.9\r\nX-API-Key: stepzero_x\r\n"
BOUNDARY = "soak"
ENDLESS_S = 30.0  # what never ends has to be ended by the server within
PIECE = b"a: b\r\n" * 1000


def pipeline_and_leave(served: Served, dice: random.Random, _: Mapping[str, str]) -> str:
    """Ask for a check that takes a while, send the next request behind it, and leave."""
    spec = DEAR | {"hidden_size": 512, "seed": dice.randrange(1 << 50)}
    with connected(served) as connection:
        connection.sendall(posted("/v1/checkpoints", spec) + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(dice.random() / 2)
        reset(connection)
    return "left behind a second request"


def trail_for_ever(served: Served, dice: random.Random, _: Mapping[str, str]) -> str:
    """Send trailers after a body, for as long as the server takes them."""
    end_s = time.monotonic() + ENDLESS_S
    with connected(served) as connection:
        connection.sendall(chunked("/v1/plan", dice.choice([{}, DEAR])) + b"0\r\n")
        try:
            while time.monotonic() < end_s:
                connection.sendall(PIECE)
                time.sleep(0.02)
        except (ConnectionError, TimeoutError):
            return "endless trailers, broken off"
    raise AssertionError(f"trailers were taken for {ENDLESS_S:.0f} s")


def trail_with_claims(served: Served, dice: random.Random, _: Mapping[str, str]) -> str:
    """Send trailers that claim to be headers; the answer is what it is without them."""
    with connected(served) as connection:
        connection.sendall(chunked("/v1/plan", DEAR | {"seed": dice.randrange(9)}))
        connection.sendall(b"0\r\n" + CLAIMS + b"\r\n")
        status = connection.recv(12)
    if status not in {b"HTTP/1.1 200", b"HTTP/1.1 503"}:
        raise AssertionError(f"a plan with trailers gave {status!r}")
    return "trailers that claim headers"


def leave_unread(served: Served, dice: random.Random, _: Mapping[str, str]) -> str:
    """Ask for a page that is no stream, a summary or a description, and read nothing of it."""
    spec = DEEP | {"seed": dice.randrange(3)}
    with connected(served, receive_buffer_bytes=4096) as connection:
        if dice.random() < 0.5:
            connection.sendall(posted("/v1/plan", spec))
        else:
            connection.sendall(got(planned(served, spec)["links"]["summary"]))
        time.sleep(dice.uniform(0, 8))
    return "unread pages"


def upload(served: Served, dice: random.Random, _: Mapping[str, str]) -> str:
    """Upload arrays: whole, cut off anywhere, or stalled until the server or the patience ends."""
    form, whole = arrays(dice), dice.random() < 0.3
    head = post_head("/v1/plan", f"multipart/form-data; boundary={BOUNDARY}", len(form))
    with connected(served) as connection:
        connection.sendall(head + (form if whole else form[: dice.randrange(len(form))]))
        if whole:
            status = connection.recv(12)
            if status not in {b"HTTP/1.1 200", b"HTTP/1.1 503"}:
                raise AssertionError(f"an upload gave {status!r}")
            return "uploads"
        if dice.random() < 0.5:
            time.sleep(dice.uniform(0, 8))
            return "stalled uploads"
        reset(connection)
    return "uploads cut off"


def leave_ranges(served: Served, dice: random.Random, _: Mapping[str, str]) -> str:
    """Ask for a few bytes of matrices that are drawn whole, from several connections, and leave."""
    spec = DEAR | {"hidden_size": 512, "seed": dice.randrange(1 << 50)}
    path = planned(served, spec)["files"]["safetensors"]["url"]
    for _each in range(4):
        at = dice.randrange(1 << 20)
        with connected(served) as connection:
            connection.sendall(got(path, f"Range: bytes={at}-{at + 100}\r\n"))
            time.sleep(dice.random() / 4)
            reset(connection)
    return "ranges left"


MALICE: list[Deed] = [
    pipeline_and_leave,
    trail_for_ever,
    trail_with_claims,
    leave_unread,
    upload,
    upload,
    leave_ranges,
]


@contextmanager
def connected(
    served: Served, *, receive_buffer_bytes: int | None = None
) -> Iterator[socket.socket]:
    """Connect by hand."""
    with socket.socket() as connection:
        if receive_buffer_bytes is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        connection.settimeout(60)
        connection.connect(served.address)
        yield connection


def reset(connection: socket.socket) -> None:
    """Break a connection off, so that the other side is told at once."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def planned(served: Served, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plan of a spec."""
    answer = httpx.post(f"{served.url}/v1/plan", json=dict(spec), timeout=120).raise_for_status()
    plan: dict[str, Any] = answer.json()
    return plan


def got(path: str, more: str = "") -> bytes:
    """Write a GET."""
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n{more}\r\n".encode()


def posted(path: str, spec: Mapping[str, Any]) -> bytes:
    """Write a POST of a spec."""
    body = json.dumps(spec).encode()
    return post_head(path, "application/json", len(body)) + body


def chunked(path: str, spec: Mapping[str, Any]) -> bytes:
    """Write a POST of a spec in one chunk, up to the chunk that ends it."""
    body = json.dumps(spec).encode()
    head = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    first = f"POST {path} HTTP/1.1\r\nHost: x\r\n{head}{len(body):x}\r\n"
    return first.encode() + body + b"\r\n"


def post_head(path: str, media_type: str, length: int) -> bytes:
    """Write the head of a POST."""
    head = f"Content-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n"
    return f"POST {path} HTTP/1.1\r\nHost: x\r\n{head}".encode()


def arrays(dice: random.Random) -> bytes:
    """Write a form with a spec and 1 MB of arrays, of which there are a few."""
    rng = np.random.default_rng(dice.randrange(50))
    file = io.BytesIO()
    np.savez(file, weight_ih_l0=rng.normal(0, 0.05, (512, 512)).astype(np.float32))
    spec = {"rnn_type": "rnn", "input_size": 512, "hidden_size": 512}
    parts = (('name="spec"', json.dumps(spec).encode()), (_FILE, file.getvalue()))
    written = (
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; {name}\r\n\r\n".encode() + content
        for name, content in parts
    )
    return b"\r\n".join([*written, f"--{BOUNDARY}--\r\n".encode()])


_FILE = 'name="arrays"; filename="a.npz"'
