"""A connection that breaks during a download: which clients notice by themselves, and what shows it
to the others.
"""

from __future__ import annotations

import io
import socket
import subprocess
import threading
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Mapping
from http.client import IncompleteRead
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
import requests
import safetensors.torch
import torch

from tests.api.asking import describe

LARGE: Mapping[str, Any] = {"rnn_type": "lstm", "input_size": 700, "hidden_size": 700}  # 16 MB
HALF_BYTES = 8 << 20
CURLS_WORD_FOR_IT = 18


@pytest.fixture(scope="module")
def broken(server_url: str) -> Iterator[str]:
    """The address of a server of which every connection breaks after half a file."""
    there = urlsplit(server_url)

    def serve(connection: socket.socket) -> None:
        with (
            connection,
            socket.create_connection((there.hostname or "", there.port or 0)) as server,
        ):
            server.sendall(connection.recv(1 << 16))
            left = HALF_BYTES
            while left > 0 and (part := server.recv(min(left, 1 << 16))):
                connection.sendall(part)
                left -= len(part)

    def listen() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=listen, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def address(broken: str, client: httpx.Client) -> str:
    """Where the file is that breaks off, with its hash in its name."""
    path = describe(client, LARGE)["links"]["self"]
    files = client.get(path, params={"sha256": "pt"}).json()["files"]
    return broken + str(files["pt"]["hub_url"])


def read_by_urllib(address: str) -> bytes:
    """Read all at once."""
    with urllib.request.urlopen(address) as answer:  # noqa: S310 - our own address
        return bytes(answer.read())


@pytest.mark.parametrize(
    ("read", "error"),
    [
        pytest.param(lambda url: httpx.get(url).content, httpx.RemoteProtocolError, id="httpx"),
        pytest.param(
            lambda url: requests.get(url, timeout=60).content,
            requests.exceptions.ChunkedEncodingError,
            id="requests",
        ),
        pytest.param(read_by_urllib, IncompleteRead, id="urllib"),
    ],
)
def test_is_noticed(read: Callable[[str], bytes], error: type[Exception], address: str):
    with pytest.raises(error):
        read(address)


def test_is_noticed_by_curl(address: str, tmp_path: Path):
    done = subprocess.run(["curl", "-sf", "-o", tmp_path / "cut.pt", address], check=False)

    assert done.returncode == CURLS_WORD_FOR_IT


def test_is_not_noticed_by_urllib_in_parts_but_by_the_length(address: str):
    with urllib.request.urlopen(address) as answer:  # noqa: S310 - our own address
        read = sum(len(part) for part in iter(lambda: answer.read(1 << 16), b""))

    assert read < int(answer.headers["Content-Length"])


def test_is_not_noticed_by_torch_hub_but_for_the_hash(address: str, tmp_path: Path):
    torch.hub.download_url_to_file(address, str(tmp_path / "cut.pt"), progress=False)
    assert (tmp_path / "cut.pt").stat().st_size < HALF_BYTES

    with pytest.raises(RuntimeError, match="invalid hash value"):
        torch.hub.load_state_dict_from_url(
            address, str(tmp_path), check_hash=True, weights_only=True, progress=False
        )


@pytest.mark.parametrize(
    ("name", "load", "error"),
    [
        ("pt", lambda file: torch.load(file, weights_only=True), RuntimeError),
        (
            "safetensors",
            lambda file: safetensors.torch.load(file.read()),
            safetensors.SafetensorError,
        ),
        ("npz", np.load, zipfile.BadZipFile),
        ("bundle", zipfile.ZipFile, zipfile.BadZipFile),
    ],
)
def test_is_noticed_by_whoever_loads_the_file(
    name: str, load: Callable[[io.BytesIO], object], error: type[Exception], client: httpx.Client
):
    file = client.post("/v1/checkpoints", json={**LARGE, "format": name}).content

    for size in (len(file) // 2, len(file) - 1000):
        with pytest.raises(error):
            load(io.BytesIO(file[:size]))
