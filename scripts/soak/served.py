"""The server that is soaked: its process, what it has while it is idle, and a file read from it."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from stepzero_rnn.uploads.store import INCOMING

SMALL: dict[str, Any] = {"rnn_type": "gru", "input_size": 10, "hidden_size": 20}
LARGE: dict[str, Any] = {"rnn_type": "lstm", "input_size": 1024, "hidden_size": 1024}
DEAR: dict[str, Any] = {
    "rnn_type": "gru",
    "input_size": 256,
    "hidden_size": 256,
    "init": "orthogonal",
}
IDLE_THREADS_LAST_S = 11
GAUGES = ("requests_in_flight", "in_flight_bytes", "queue_length", "reserved_bytes", "checks")


@dataclass(frozen=True, slots=True)
class State:
    """What a server has while nothing is asked of it."""

    memory_bytes: int
    descriptors: int
    threads: int
    incoming_folders: int
    failed_requests: float
    gauges: Mapping[str, float]


class Served:
    """A server in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], url: str, arrays: Path) -> None:
        self.url = url
        self._incoming = arrays / INCOMING
        self.address = (httpx.URL(url).host, httpx.URL(url).port or 80)
        self._proc = Path(f"/proc/{process.pid}")

    def memory_bytes(self) -> int:
        """Return the resident memory."""
        found = re.search(r"VmRSS:\s+(\d+)", (self._proc / "status").read_text())
        return int(found[1]) * 1024 if found else 0

    def gauges(self) -> dict[str, float]:
        """Return what the server itself says is going on."""
        text = httpx.get(f"{self.url}/metrics", timeout=60).text
        rows = re.findall(r"^stepzero_(\w+?)(?:\{.*\})? ([-\d.e+]+)$", text, re.MULTILINE)
        return {name: float(value) for name, value in rows if name in GAUGES}

    def failed_requests(self) -> float:
        """Count the requests that ended by a fault of the service."""
        text = httpx.get(f"{self.url}/metrics", timeout=60).text
        rows = re.findall(
            r'^stepzero_requests_total{outcome="failed",.*} (\S+)$', text, re.MULTILINE
        )
        return sum(map(float, rows))

    def settled(self) -> State:
        """Return the state once what was left to do is done, and idle threads have ended."""
        deadline = time.monotonic() + 120
        while self.gauges()["requests_in_flight"] > 1 and time.monotonic() < deadline:
            time.sleep(0.2)  # one of them is the question itself
        time.sleep(IDLE_THREADS_LAST_S)
        read(self, LARGE)
        time.sleep(1)
        threads, descriptors = (len(list((self._proc / n).iterdir())) for n in ("task", "fd"))
        folders = len(list(self._incoming.iterdir())) if self._incoming.exists() else 0
        memory_bytes, failed = self.memory_bytes(), self.failed_requests()
        return State(memory_bytes, descriptors, threads, folders, failed, self.gauges())


@contextmanager
def server() -> Iterator[Served]:
    """Run a server as a person does, with readers cut off soon, and little room for weights and
    uploads, so that it is soon full.
    """
    with TemporaryDirectory(prefix="stepzero-soak-") as folder:
        yield from _serve(Path(folder))


def _serve(arrays: Path) -> Iterator[Served]:
    command = [sys.executable, "-m", "app", "--port", "0"]
    settings = {
        "STEPZERO_CLIENT_GRACE_S": "5",
        "STEPZERO_MAX_CACHED_TENSOR_BYTES": str(32 << 20),
        "STEPZERO_MAX_ARRAYS_BYTES": str(32 << 20),
        "STEPZERO_ARRAYS_FOLDER": str(arrays),
        "STEPZERO_TRUSTED_PROXIES": "127.0.0.1",
        "STEPZERO_LOG_LEVEL": "error",
    }
    with subprocess.Popen(
        ["env", *(f"{k}={v}" for k, v in settings.items()), *command],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout  # noqa: S101 - it is piped
            url = re.findall(r"http://[0-9.:]+", process.stdout.readline())[0]
            while httpx.get(f"{url}/healthz/ready", timeout=60).status_code != 200:
                time.sleep(0.1)
            yield Served(process, url, arrays)
        finally:
            process.terminate()


def read(served: Served, spec: Mapping[str, Any]) -> str:
    """Fetch a file whole; give its sha256, or the code of the refusal."""
    answer = httpx.post(f"{served.url}/v1/checkpoints", json=dict(spec), timeout=120)
    if answer.status_code == 503:
        return str(answer.json()["code"])
    return hashlib.sha256(answer.raise_for_status().content).hexdigest()
