"""A small request beside a large one: how long it waits, and how many threads compute at once."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx
import pytest

from stepzero_rnn.engine.cores import usable_cores
from tests.bench.measure import OURS, row, server

pytestmark = pytest.mark.bench

HUGE: dict[str, Any] = {  # 2.1 GB
    "rnn_type": "lstm",
    "input_size": 4096,
    "hidden_size": 4096,
    "num_layers": 4,
}
SMALL: dict[str, Any] = {"rnn_type": "gru", "input_size": 10, "hidden_size": 20}
SECONDS = 10


@contextmanager
def downloading(url: str, spec: dict[str, Any], clients: int) -> Iterator[None]:
    """Have so many clients ask for a large checkpoint again and again, each time with another
    seed.
    """
    done = threading.Event()

    def download(client: int) -> None:
        seed = client
        while not done.is_set():
            seed += clients
            body = json.dumps(spec | {"seed": seed})
            command = ["curl", "-sSf", "-o", "/dev/null", "-d", body]
            command += ["-H", "content-type: application/json", f"{url}/v1/checkpoints"]
            with subprocess.Popen(command) as curl:
                while curl.poll() is None and not done.wait(0.05):
                    pass
                curl.terminate()

    threads = [threading.Thread(target=download, args=(client,)) for client in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()


def runnable(process_id: int) -> int:
    """Count the threads of a process that run or could."""
    states = []
    for task in Path(f"/proc/{process_id}/task").iterdir():
        try:
            states.append((task / "stat").read_text().rsplit(")", 1)[1].split()[0])
        except FileNotFoundError:  # it has just ended
            continue
    return states.count("R")


@pytest.mark.parametrize(
    ("init", "clients"), [(None, 0), ("xavier_uniform", 1), ("orthogonal", 1), ("normal", 3)]
)
def test_a_small_request_beside_large_ones(init: str | None, clients: int) -> None:
    waits, threads = [], []
    with (
        server(*OURS, ready="/healthz/ready") as (process, url),
        httpx.Client() as client,
        downloading(url, HUGE | {"init": init}, clients),
    ):
        time.sleep(0.5)
        end, seed = time.perf_counter() + SECONDS, 0
        while time.perf_counter() < end:
            seed += 1
            began = time.perf_counter()
            client.post(f"{url}/v1/checkpoints", json=SMALL | {"seed": seed}).raise_for_status()
            waits.append((time.perf_counter() - began) * 1000)
            threads.append(runnable(process.pid))
            time.sleep(0.01)
    print()
    row(f"GRU 10x20 beside {clients} x 2.1 GB, {init}", "ms, median", "99 of 100", "most")
    row(
        "answered in",
        f"{median(waits):.1f}",
        f"{quantiles(waits, n=100)[98]:.1f}",
        f"{max(waits):.1f}",
    )
    row(
        f"runnable threads ({usable_cores()} cores)",
        f"{median(threads):.0f}",
        f"{quantiles(threads, n=100)[98]:.0f}",
        max(threads),
    )
