"""Many clients at once, beside a tutorial's endpoint in one run; and a thousand slow readers beside
a fast one.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import pytest

from tests.api.asking import Call
from tests.bench.measure import (
    MIB,
    OURS,
    Memory,
    answered_health,
    in_turn,
    ratio,
    row,
    server,
)

pytestmark = pytest.mark.bench

HERE = Path(__file__).parent
PEERS = str(HERE / "peers.py")
SMALL: dict[str, Any] = {"rnn_type": "gru", "input_size": 10, "hidden_size": 20}
LARGE: dict[str, Any] = {"rnn_type": "lstm", "input_size": 1024, "hidden_size": 1024}
SLOWLY: dict[str, Any] = {"rnn_type": "lstm", "input_size": 1770, "hidden_size": 1770}  # 100 MB
ROUNDS = 2
READERS, BYTES_PER_S = 1000, 16 << 10


def read(url: str, path: str, body: bytes) -> int:
    """Post a body; give the bytes of the answer's."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
    with Call(url, head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body) as call:
        status, _, first = call.read_head()
        assert status == 200
        return len(first) + sum(len(part) for part in call.read_rest())


@pytest.mark.parametrize("clients", [1, 8, 64])
@pytest.mark.parametrize(("spec", "requests"), [(SMALL, 512), (LARGE, 64)], ids=["small", "large"])
def test_many_clients(spec: dict[str, Any], requests: int, clients: int) -> None:
    seeds = count()

    def seconds(url: str, path: str) -> float:
        bodies = [json.dumps(spec | {"seed": next(seeds)}).encode() for _ in range(requests)]
        began = time.perf_counter()
        with ThreadPoolExecutor(clients) as pool:
            sent.append(sum(pool.map(lambda body: read(url, path, body), bodies)))
        return time.perf_counter() - began

    sent: list[int] = []
    with (
        server(*OURS, ready="/healthz/ready") as (process, url),
        server(PEERS, "endpoint", "{port}", ready="/") as (tutorial, tutorial_url),
    ):
        memory = {"ours": Memory(process.pid), "tutorial": Memory(tutorial.pid)}
        idle = {name: each.now() for name, each in memory.items()}
        runs = {
            "ours": lambda: seconds(url, "/v1/checkpoints"),
            "tutorial": lambda: seconds(tutorial_url, "/"),
        }
        found = in_turn(runs, ROUNDS)
        above = {name: each.peak() - idle[name] for name, each in memory.items()}
    print()
    title = f"{spec['rnn_type']} {spec['input_size']}x{spec['hidden_size']}, {clients} clients"
    row(title, "requests/s", "MB/s", "ours is faster by", "MiB above idle")
    for name, each in found.items():
        rate = requests / median(each)
        figures = f"{rate:.0f}", f"{rate * median(sent) / requests / 1e6:.0f}"
        row(name, *figures, f"{ratio(each, found['ours']):.2f}x", f"{above[name] / MIB:.0f}")


def test_a_thousand_slow_readers() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (most, most)
    )  # the server and the readers inherit it
    with server(*OURS, ready="/healthz/ready") as (process, url):
        with httpx.Client(base_url=url, timeout=60) as client:
            path = client.post("/v1/plan", json=SLOWLY).json()["files"]["safetensors"]["url"]
        body = json.dumps(SLOWLY | {"format": "safetensors"}).encode()
        usual = [_rate(url, body) for _ in range(6)][1:]
        memory = Memory(process.pid)
        idle = memory.now()
        memory.reset_peak()
        command = [sys.executable, HERE / "slow_readers.py", url + path, READERS, BYTES_PER_S]
        with subprocess.Popen(
            [*map(str, command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as slow:
            assert slow.stdout
            with answered_health(url) as arriving:
                slow.stdout.readline()
            with answered_health(url) as waits:
                time.sleep(20)
            beside = [_rate(url, body) for _ in range(5)]
            above = memory.peak() - idle
            left, _ = slow.communicate("")
    print()
    row(f"{READERS} slow readers of 100 MB", "measured", "wanted")
    row("still reading", left.split()[0], str(READERS))
    row("MB above idle", f"{above / 1e6:.0f}", "< 500")
    row("health, p99 in ms", f"{1e3 * waits[int(0.99 * len(waits))]:.0f}", "< 100")
    row("health while they arrive, most in ms", f"{1e3 * arriving[-1]:.0f}", "")
    row("fast reader, MB/s", f"{median(beside):.0f}", f">= {median(usual) / 2:.0f}")


def _rate(url: str, body: bytes) -> float:
    began = time.perf_counter()
    return read(url, "/v1/checkpoints", body) / (time.perf_counter() - began) / 1e6
