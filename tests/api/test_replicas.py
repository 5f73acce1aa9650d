"""Any process may send any part of a checkpoint, so one that dies is made up for by another:
workers and replicas.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from app.settings import Settings
from stepzero_rnn.client import Client
from tests.api.asking import GRU, Served, free_port, make, permalink, server_process
from tests.service.counting import counted

LARGE: Mapping[str, Any] = {"rnn_type": "lstm", "input_size": 2048, "hidden_size": 2048}
CONFIG = Path(__file__).parents[2] / "docker" / "haproxy.cfg"
SOON_S = 60
_PLACES = count(1)


class Replica(NamedTuple):
    """Where something serves, for a proxy."""

    url: str


@contextmanager
def behind_haproxy(*replicas: Served | Replica) -> Iterator[str]:
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


def status_from(address: str, url: str) -> int:
    """Ask from another address of the loopback, with a forged one each time; give the status."""
    forged = {"X-Forwarded-For": f"192.0.2.{next(_PLACES)}"}
    with httpx.Client(transport=httpx.HTTPTransport(local_address=address)) as client:
        return client.get(f"{url}/v1", headers=forged).status_code


@contextmanager
def ending_replica() -> Iterator[tuple[Replica, list[str]]]:
    """Serve as a replica that says that it is ready, and ends at every POST; give where, and what
    was posted to.
    """
    tried: list[str] = []

    class Ending(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_POST(self) -> None:
            tried.append(self.path)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Ending) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Replica(f"http://127.0.0.1:{server.server_port}"), tried
        server.shutdown()


def soon(reached: Callable[[], Any]) -> Any:
    """Return what is reached within some seconds."""
    deadline = time.monotonic() + SOON_S
    while not (found := reached()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def ready_processes(url: str) -> float:
    """Return how many workers say that they would serve."""
    with httpx.Client(
        timeout=5
    ) as client:  # on a connection of its own, which a silent one may not take
        return counted(client.get(f"{url}/metrics").text).get("stepzero_ready_processes", 0)


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
    """Return the inodes of a process's sockets."""
    for entry in Path(f"/proc/{process_id}/fd").iterdir():
        found = re.fullmatch(r"socket:\[(\d+)\]", str(entry.readlink()))
        if found:
            yield found[1]


def download_while_killing(url: str, kill: Callable[[], None], folder: Path) -> str:
    """Download a large file, kill something once the first bytes are here; give the sha256 of what
    came.
    """
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
        settings = Settings(
            workers=4, threads=8, max_admitted_bytes=800, max_cached_tensor_bytes=400
        )
        one = settings.of_a_worker()

        assert (one.threads, one.max_admitted_bytes, one.max_cached_tensor_bytes) == (2, 200, 100)
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

    def test_one_that_stands_still_does_not_count_as_ready_and_does_not_hold_up_the_stop(self):
        with server_process(workers=2, threads=2, shutdown_grace_s=1) as served:
            workers = soon(
                lambda: ready_processes(served.url) == 2 and children(served.process.pid)
            )
            os.kill(workers[0], signal.SIGSTOP)

            assert soon(lambda: ready_processes(served.url) == 1)
            served.process.send_signal(signal.SIGTERM)
            assert served.process.wait(timeout=SOON_S) == 1
            assert not any(Path(f"/proc/{one}").exists() for one in workers)

    @pytest.mark.slow
    def test_one_that_stands_still_is_replaced(self):
        with server_process(workers=2, threads=2, worker_timeout_s=6) as served:
            first = soon(lambda: ready_processes(served.url) == 2 and children(served.process.pid))
            os.kill(first[0], signal.SIGSTOP)

            assert soon(lambda: first[0] not in children(served.process.pid))
            assert soon(lambda: len(children(served.process.pid)) == 2)
            assert first[1] in children(served.process.pid)

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

    def test_are_told_who_asks_and_not_by_the_callers_themselves(self):
        limited = server_process(rate_limits="1/hour", trusted_proxies=("127.0.0.1",))
        with limited as replica, behind_haproxy(replica) as url:
            asked = [status_from(place, url) for place in ("127.0.0.2", "127.0.0.3") * 2]

        assert asked == [200, 200, 429, 429]

    def test_are_not_given_what_has_just_ended_another(self):
        with (
            ending_replica() as (first, tried),
            ending_replica() as (second, tried_too),
            behind_haproxy(first, second) as url,
        ):
            answer = httpx.post(f"{url}/v1/checkpoints", json=GRU)

        assert answer.status_code == 502
        assert len(tried + tried_too) == 1

    def test_send_ranges_that_join_to_one_file(self, replicas: list[Served], whole: str):
        digest = hashlib.sha256()
        with behind_haproxy(*replicas) as url, httpx.Client(base_url=url, timeout=60) as client:
            address = permalink(client, LARGE)
            for at in range(0, 134_300_000, 10_000_000):
                part = {"Range": f"bytes={at}-{at + 10_000_000 - 1}"}
                digest.update(client.get(address, headers=part).content)

        assert digest.hexdigest() == whole
