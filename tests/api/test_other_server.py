"""The bytes are the application's own: under another ASGI server, written in another language, they are the same."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.api.asking import FORMAT_NAMES, GRU, LSTM, make, permalink

LARGE = {**LSTM, "input_size": 1024, "hidden_size": 1024}
START_S = 60


@pytest.fixture(scope="module")
def granian() -> Iterator[httpx.Client]:
    """The application under Granian."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--port", str(port)]
    command += ["--no-log", "tests.api.granian_app:api"]
    with (
        subprocess.Popen(command, stdout=subprocess.DEVNULL) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        try:
            assert is_ready(client)
            yield client
        finally:
            process.terminate()


def is_ready(client: httpx.Client) -> bool:
    """Wait for a server."""
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        try:
            if client.get("/healthz/ready").status_code == 200:
                return True
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("spec", [GRU, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_gives_the_same_file(
    name: str, spec: dict[str, object], client: httpx.Client, granian: httpx.Client
):
    ours, theirs = (make(each, spec, format=name) for each in (client, granian))

    assert theirs.content == ours.content
    for header in ("content-length", "etag", "content-type", "stepzero-recipe"):
        assert theirs.headers[header] == ours.headers[header]


def test_gives_the_same_part(client: httpx.Client, granian: httpx.Client):
    address, part = permalink(client, LARGE), {"Range": "bytes=1000000-9999999"}
    ours, theirs = (each.get(address, headers=part) for each in (client, granian))

    assert (theirs.status_code, theirs.content) == (206, ours.content)


def test_refuses_the_same(client: httpx.Client, granian: httpx.Client):
    ours, theirs = (each.post("/v1/checkpoints", json={}).json() for each in (client, granian))

    assert theirs | {"request_id": ""} == ours | {"request_id": ""}
