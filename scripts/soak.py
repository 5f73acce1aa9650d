"""Serves a mixed load with aborts, kills and garbage for a while, and looks at what is left behind.

python scripts/soak.py [SECONDS]   600 by default

After a warm-up of a quarter of the time, and again at the end, the load pauses.  In between memory may not have grown by
more than 5 %, and then nothing may be left: no permit, file descriptor, thread or request.  Every file that was
read to its end is compared with what the same recipe gave at the beginning.
"""

from __future__ import annotations

import hashlib
import random
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import httpx

SMALL: dict[str, Any] = {"rnn_type": "gru", "input_size": 10, "hidden_size": 20}
LARGE: dict[str, Any] = {"rnn_type": "lstm", "input_size": 1024, "hidden_size": 1024}
DEAR: dict[str, Any] = {
    "rnn_type": "gru",
    "input_size": 256,
    "hidden_size": 256,
    "init": "orthogonal",
}
FILES = [
    spec | {"format": name, "seed": seed}
    for spec in (SMALL, LARGE, DEAR)
    for name in ("pt", "safetensors")
    for seed in range(3)
]
CLIENTS = 12
GROWTH = 0.05
QUARTERS = 4
IDLE_THREADS_LAST_S = 11
GAUGES = ("requests_in_flight", "in_flight_bytes", "queue_length", "reserved_bytes", "checks")


@dataclass(frozen=True, slots=True)
class State:
    """What a server has while nothing is asked of it."""

    memory_bytes: int
    descriptors: int
    threads: int
    gauges: Mapping[str, float]


class Served:
    """A server in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.url = url
        self.address = (httpx.URL(url).host, httpx.URL(url).port or 80)
        self._proc = Path(f"/proc/{process.pid}")

    def memory_bytes(self) -> int:
        """Give the resident memory."""
        found = re.search(r"VmRSS:\s+(\d+)", (self._proc / "status").read_text())
        return int(found[1]) * 1024 if found else 0

    def gauges(self) -> dict[str, float]:
        """Give what the server itself says is going on."""
        text = httpx.get(f"{self.url}/metrics", timeout=60).text
        rows = re.findall(r"^stepzero_(\w+?)(?:\{.*\})? ([-\d.e+]+)$", text, re.MULTILINE)
        return {name: float(value) for name, value in rows if name in GAUGES}

    def settled(self) -> State:
        """Give the state once what was left to do is done, and idle threads have ended."""
        deadline = time.monotonic() + 120
        while self.gauges()["requests_in_flight"] > 1 and time.monotonic() < deadline:
            time.sleep(0.2)  # one of them is the question itself
        time.sleep(IDLE_THREADS_LAST_S)
        read(self, LARGE)
        time.sleep(1)
        threads, descriptors = (len(list((self._proc / n).iterdir())) for n in ("task", "fd"))
        return State(self.memory_bytes(), descriptors, threads, self.gauges())


@contextmanager
def server() -> Iterator[Served]:
    """Run a server as a person does, with readers cut off soon, and little room to keep weights in, so that it is soon full."""
    command = [sys.executable, "-m", "app", "serve", "--port", "0"]
    settings = {
        "STEPZERO_READER_GRACE_S": "5",
        "STEPZERO_MAX_KEPT_BYTES": str(32 << 20),
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
            yield Served(process, url)
        finally:
            process.terminate()


def read(served: Served, spec: Mapping[str, Any]) -> str:
    """Fetch a file whole; give its sha256, or the code of the refusal."""
    answer = httpx.post(f"{served.url}/v1/checkpoints", json=dict(spec), timeout=120)
    if answer.status_code == 503:
        return str(answer.json()["code"])
    return hashlib.sha256(answer.raise_for_status().content).hexdigest()


def fetch(served: Served, dice: random.Random, known: Mapping[str, str]) -> str:
    """Fetch a file and compare it."""
    spec = dice.choice(FILES)
    found = read(served, spec)
    if found not in {known[str(spec)], "busy"}:
        raise AssertionError(f"{spec} gave {found}")
    return "refused as busy" if found == "busy" else "files, each right"


def make_new(served: Served, dice: random.Random, _: Mapping[str, str]) -> str:
    """Ask for a file that nobody asked for before."""
    read(served, dice.choice([SMALL, LARGE, DEAR]) | {"seed": dice.randrange(1 << 50)})
    return "new files"


def abort(served: Served, dice: random.Random, _: Mapping[str, str]) -> str:
    """Leave anywhere in a file, or while it is checked."""
    spec = dice.choice([LARGE, DEAR]) | {"seed": dice.randrange(1000)}
    with (
        httpx.Client(timeout=120) as client,
        client.stream("POST", f"{served.url}/v1/checkpoints", json=spec) as answer,
    ):
        most = dice.randrange(1, 1 << 25)
        for part in answer.iter_raw():
            most -= len(part)
            if most < 0:
                break
    return "aborts"


def kill(served: Served, dice: random.Random, _: Mapping[str, str]) -> str:
    """Kill a client that reads slowly, which says no good-bye."""
    query = f"rnn_type=lstm&input_size=1024&hidden_size=1024&seed={dice.randrange(1000)}"
    url = f"{served.url}/v1/checkpoints?{query}"
    with subprocess.Popen(["curl", "-sL", "--limit-rate", "1M", "-o", "/dev/null", url]) as client:
        time.sleep(dice.random())
        client.kill()
    return "killed clients"


def stall(served: Served, dice: random.Random, _: Mapping[str, str]) -> str:
    """Ask for a file and read nothing of it, until the server or the patience ends."""
    head = f"Host: x\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
    with socket.create_connection(served.address) as connection:
        connection.sendall(b"POST /v1/checkpoints HTTP/1.1\r\n" + head.encode() + BODY)
        time.sleep(dice.uniform(0, 8))
    return "stalled readers"


def garbage(served: Served, dice: random.Random, _: Mapping[str, str]) -> str:
    """Send what is no request, or half of one."""
    whole = b"POST /v1/checkpoints HTTP/1.1\r\nHost: x\r\nContent-Length: 400\r\n\r\n" + BODY
    with socket.create_connection(served.address) as connection:
        connection.settimeout(5)
        connection.sendall(dice.choice([dice.randbytes(300), whole[: dice.randrange(len(whole))]]))
        if dice.random() < 0.5:
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1000)
    return "garbage"


def refuse(served: Served, dice: random.Random, _: Mapping[str, str]) -> str:
    """Ask for what cannot be had."""
    wrong = dice.choice(
        [
            {},
            SMALL | {"hidden_size": 0},
            LARGE | {"init": "zeros"},
            LARGE | {"hidden_size": 1 << 30},
        ]
    )
    answer = httpx.post(f"{served.url}/v1/checkpoints", json=dict(wrong), timeout=120)
    if answer.status_code not in {413, 422, 503}:
        raise AssertionError(f"{wrong} gave {answer.status_code}")
    return "refusals"


BODY = b'{"rnn_type": "lstm", "input_size": 1024, "hidden_size": 1024}'
Deed = Callable[[Served, random.Random, Mapping[str, str]], str]
DEEDS: list[Deed] = [fetch, fetch, fetch, make_new, abort, kill, stall, garbage, refuse]


class Load:
    """Clients that do everything at once for a while: what they did, and what went wrong."""

    def __init__(self, served: Served, seconds: float, known: Mapping[str, str]) -> None:
        self.done: Counter[str] = Counter()
        self.memory: list[int] = []
        self._faults: set[str] = set()
        self._served, self._known = served, known
        self._end = time.monotonic() + seconds

    def run(self, seed: int) -> None:
        """Do it, and look at the memory every second.

        Raises:
            AssertionError: a file was wrong, or an answer undocumented.
        """
        numbers = range(seed * 1000, seed * 1000 + CLIENTS)
        threads = [threading.Thread(target=self._client, args=(number,)) for number in numbers]
        for thread in threads:
            thread.start()
        while time.monotonic() < self._end:
            time.sleep(1)
            self.memory.append(self._served.memory_bytes())
        for thread in threads:
            thread.join()
        if self._faults:
            raise AssertionError("; ".join(sorted(self._faults)[:5]))

    def _client(self, seed: int) -> None:
        dice = random.Random(seed)  # noqa: S311 - a load, no secret
        while time.monotonic() < self._end:
            try:
                self.done[dice.choice(DEEDS)(self._served, dice, self._known)] += 1
            except (OSError, httpx.TransportError):
                self.done["cut by the server"] += 1
            except Exception as error:  # noqa: BLE001 - the main thread raises it
                self._faults.add(repr(error))


def main() -> None:
    """Warm up, go on, and compare."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600.0
    with server() as served:
        known = {str(spec): read(served, spec) for spec in FILES}
        Load(served, seconds / 4, known).run(seed=1)
        before = served.settled()
        load = Load(served, seconds * 3 / 4, known)
        load.run(seed=2)
        after = served.settled()
    size = max(-(-len(load.memory) // QUARTERS), 1)
    quarters = [median(part) for part in parts_of(load.memory, size)]
    print(", ".join(f"{count} {what}" for what, count in sorted(load.done.items())))
    listed = ", ".join(f"{each / 1e6:.0f}" for each in quarters)
    print(f"memory under load, in MB, medians of a quarter of the time each: {listed}")
    for name in ("memory_bytes", "descriptors", "threads"):
        print(
            f"{name}, idle: {getattr(before, name)} after the warm-up, {getattr(after, name)} at the end"
        )
    print("left:", ", ".join(f"{name} {value:g}" for name, value in sorted(after.gauges.items())))
    wrong = complaints(before, after, quarters[-1] / quarters[0] - 1)
    sys.exit("; ".join(wrong) if wrong else 0)


def parts_of(samples: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """Cut samples into parts of a size; the last may be smaller."""
    return (samples[first : first + size] for first in range(0, len(samples), size))


def complaints(before: State, after: State, growth: float) -> list[str]:
    """Say what is not as it should be."""
    idle_growth = after.memory_bytes / before.memory_bytes - 1
    left = {name: n for name, n in after.gauges.items() if n > (name == "requests_in_flight")}
    found = {
        f"memory under load grew by {growth:.1%}": growth > GROWTH,
        f"idle memory grew by {idle_growth:.1%}": idle_growth > GROWTH,
        f"{after.descriptors - before.descriptors} file descriptors leaked": after.descriptors
        > before.descriptors,
        f"{after.threads - before.threads} threads leaked": after.threads > before.threads,
        f"left behind: {left}": bool(left),
    }
    return [what for what, is_so in found.items() if is_so]


if __name__ == "__main__":
    main()
