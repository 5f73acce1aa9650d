"""Any process may send any part of a checkpoint, so one that dies is made up for by another: workers and replicas."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.client import Client
from app.settings import Settings
from tests.api.asking import GRU, Served, free_port, make, permalink, server_process

LARGE: Mapping[str, Any] = {"rnn_type": "lstm", "input_size": 2048, "hidden_size": 2048}
CONFIG = Path(__file__).parents[2] / "docker" / "haproxy.cfg"
SOON_S = 30


@contextmanager
def behind_haproxy(*replicas: Served) -> Iterator[str]:
    """Run HAProxy as the compose file does, before these replicas; give its address."""
    port = free_port()
    servers = "\n".join(
        f"  server {n} {r.url.removeprefix('http://')}" for n, r in enumerate(replicas)
    )
    text = re.sub(r"  server-template .*", servers, CONFIG.read_text())
    text = re.sub(r"resolvers docker\n(  .*\n)+", "", text).replace(
        ":8000\n", f"127.0.0.1:{port}\n", 1
    )
    with subprocess.Popen(
        ["haproxy", "-q", "-f", "/dev/stdin"], stdin=subprocess.PIPE, text=True
    ) as proxy:
        try:
            assert proxy.stdin is not None
            proxy.stdin.write(text)
            proxy.stdin.close()
            url = f"http://127.0.0.1:{port}"
            assert soon(lambda: answers(url))
            yield url
        finally:
            proxy.kill()


def answers(url: str) -> bool:
    """Say whether a server is there and ready."""
    try:
        return httpx.get(f"{url}/healthz/ready").status_code == 200
    except httpx.TransportError:
        return False


def soon(reached: Callable[[], Any]) -> Any:
    """Give what is reached within some seconds."""
    deadline = time.monotonic() + SOON_S
    while not (found := reached()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def children(process_id: int) -> list[int]:
    """List the processes that a server works with."""
    listed = Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()
    names = {int(child): Path(f"/proc/{child}/cmdline").read_text() for child in listed}
    return [child for child, name in names.items() if "spawn_main" in name]


def holders(port: int, process_ids: list[int]) -> list[int]:
    """List the processes that have a connection of a port in hand."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inodes = {row[9] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "01"}
    return [each for each in process_ids if inodes & set(sockets(each))]


def sockets(process_id: int) -> Iterator[str]:
    """Give the inodes of a process's sockets."""
    for entry in Path(f"/proc/{process_id}/fd").iterdir():
        found = re.fullmatch(r"socket:\[(\d+)\]", str(entry.readlink()))
        if found:
            yield found[1]


def download_while_killing(url: str, kill: Callable[[], None], folder: Path) -> str:
    """Download a large file, kill something once the first bytes are here; give the sha256 of what came."""
    killed: list[None] = []

    def progress(here_bytes: int, size_bytes: int) -> None:
        if not killed and here_bytes < size_bytes // 2:
            killed.append(None)
            kill()

    with Client(url, backoff_s=0.1) as client:
        path = client.download(LARGE, folder / "lstm.pt", progress=progress)
    assert killed
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def whole(client: httpx.Client) -> str:
    """The sha256 of the large file."""
    return hashlib.sha256(make(client, LARGE).content).hexdigest()


def test_ranges_of_different_replicas_join_to_one_file(
    client: httpx.Client, other_server: Served, whole: str
):
    address = permalink(client, LARGE)
    urls = [str(client.base_url), other_server.url]
    step = 20_000_001
    digest = hashlib.sha256()
    for at in range(0, 134_300_000, step):
        part = {"Range": f"bytes={at}-{at + step - 1}"}
        digest.update(httpx.get(urls[at // step % 2].rstrip("/") + address, headers=part).content)

    assert digest.hexdigest() == whole


class TestWorkers:
    def test_share_threads_and_memory(self):
        settings = Settings(workers=4, threads=8, max_admitted_bytes=800, max_kept_bytes=400)
        one = settings.of_a_worker()

        assert (one.threads, one.max_admitted_bytes, one.max_kept_bytes) == (2, 200, 100)
        assert one.max_working_bytes <= 200
        assert one.max_incoming_bytes == settings.max_incoming_bytes // settings.workers

    def test_that_die_during_a_download_are_made_up_for_and_replaced_and_stop_with_0(
        self, tmp_path: Path, whole: str
    ):
        with server_process(workers=2, threads=2) as served:
            supervisor, port = served.process.pid, httpx.URL(served.url).port or 0
            first = soon(lambda: len(found := children(supervisor)) == 2 and found)

            def kill() -> None:
                for one in holders(port, first):
                    os.kill(one, signal.SIGKILL)

            assert download_while_killing(served.url, kill, tmp_path) == whole
            assert soon(lambda: len(children(supervisor)) == 2)
            served.process.send_signal(signal.SIGTERM)
            assert served.process.wait(timeout=SOON_S) == 0

    def test_whose_supervisor_is_killed_stop_and_leave_nothing(self, tmp_path: Path):
        before = f"import os; os.environ['TMPDIR'] = {str(tmp_path)!r}\n"
        with server_process(before, workers=2, threads=2) as served:
            workers = soon(lambda: len(found := children(served.process.pid)) == 2 and found)
            assert list(tmp_path.iterdir())
            served.process.kill()

            assert soon(lambda: not any(Path(f"/proc/{one}").exists() for one in workers))
            assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("haproxy"), reason="HAProxy is not installed here")
class TestReplicasBehindAProxy:
    @pytest.fixture
    def replicas(self) -> Iterator[list[Served]]:
        with ExitStack() as stack:
            yield [stack.enter_context(server_process()) for _ in range(2)]

    def test_make_up_for_one_that_is_killed_during_a_download(
        self, replicas: list[Served], tmp_path: Path, whole: str
    ):
        def kill() -> None:
            ports = {r: httpx.URL(r.url).port or 0 for r in replicas}
            busy = next(r for r, port in ports.items() if holders(port, [r.process.pid]))
            busy.process.kill()

        with behind_haproxy(*replicas) as url:
            assert download_while_killing(url, kill, tmp_path) == whole

    def test_make_up_for_one_that_stops(self, replicas: list[Served]):
        with behind_haproxy(*replicas) as url, httpx.Client(base_url=url, timeout=60) as client:
            replicas[0].process.send_signal(signal.SIGTERM)

            for seed in range(40):
                make(client, GRU, seed=seed)
            assert replicas[0].process.wait(timeout=SOON_S) == 0

    def test_send_ranges_that_join_to_one_file(self, replicas: list[Served], whole: str):
        digest = hashlib.sha256()
        with behind_haproxy(*replicas) as url, httpx.Client(base_url=url, timeout=60) as client:
            address = permalink(client, LARGE)
            for at in range(0, 134_300_000, 10_000_000):
                part = {"Range": f"bytes={at}-{at + 10_000_000 - 1}"}
                digest.update(client.get(address, headers=part).content)

        assert digest.hexdigest() == whole
