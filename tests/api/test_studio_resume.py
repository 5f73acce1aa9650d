"""A large download by the browser's own manager that is cut on the way goes on where it was."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.api.browser import in_chromium

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

pytestmark = in_chromium

LARGE = "/?rnn_type=lstm&input_size=4330&hidden_size=4330"
LEAST_BYTES = 600_000_000
CUT_AT_BYTES = 200_000_000
WAIT_MS = 100_000


@dataclass
class CuttingProxy:
    """Passes connections on to a server, and breaks the first download in the midst of it."""

    host: str
    port: int
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    cut: threading.Event = field(default_factory=threading.Event)
    ranges: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return  # closed: the test is over
            far = socket.create_connection((self.host, self.port))
            threading.Thread(target=self._upstream, args=[near, far], daemon=True).start()

    def _upstream(self, near: socket.socket, far: socket.socket) -> None:
        is_download = threading.Event()
        threading.Thread(
            target=self._downstream, args=[far, near, is_download], daemon=True
        ).start()
        while data := _received(near):
            if b".pt HTTP/1.1" in data:
                is_download.set()
                self.ranges += [line for line in data.split(b"\r\n") if line[:6] == b"Range:"]
            far.sendall(data)
        _close(far)

    def _downstream(
        self, far: socket.socket, near: socket.socket, is_download: threading.Event
    ) -> None:
        passed = 0
        while data := _received(far):
            passed += len(data) if is_download.is_set() else 0
            if passed > CUT_AT_BYTES and not self.cut.is_set():
                self.cut.set()
                break
            try:
                near.sendall(data)
            except OSError:
                break
        _close(near)
        _close(far)


def _received(source: socket.socket) -> bytes:
    try:
        return source.recv(1 << 18)
    except OSError:
        return b""


def _close(end: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it may be closed at the other side
        end.shutdown(socket.SHUT_RDWR)
    end.close()


@pytest.fixture
def proxy(base_url: str) -> Iterator[CuttingProxy]:
    where = urlsplit(base_url)
    assert where.hostname
    assert where.port
    made = CuttingProxy(where.hostname, where.port)
    thread = threading.Thread(target=made.serve, daemon=True)
    thread.start()
    yield made
    _close(made.listener)
    thread.join()


@pytest.mark.timeout(240)
def test_a_download_of_600_mb_that_is_cut_resumes(
    page: Any, proxy: CuttingProxy, client: httpx.Client, tmp_path: Path
):
    page.goto(proxy.url + LARGE)
    expect(page.locator("html[data-shown]")).to_be_attached(timeout=WAIT_MS)
    recipe = page.locator("html").get_attribute("data-shown")
    with page.expect_download(timeout=WAIT_MS) as download:
        page.locator("#download-link").click()
    path = tmp_path / "large.pt"
    download.value.save_as(path)

    assert proxy.cut.is_set()
    assert [line for line in proxy.ranges if not line.startswith(b"Range: bytes=0-")]
    assert path.stat().st_size > LEAST_BYTES
    described = client.get(f"/v1/checkpoints/{recipe}", params={"sha256": "pt"}).json()
    with path.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == described["files"]["pt"]["sha256"]
    path.unlink()
    download.value.delete()
