"""What the benchmarks measure with: processes, their memory, and medians of runs taken in turn."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import httpx
import pytest
import torch

from tests.api.asking import free_port

MIB = 1 << 20
NEEDS_GPU = (
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device"),
)
OURS = ("-m", "app", "--port", "{port}")


@contextmanager
def server(
    *command: str, ready: str, variables: Mapping[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a server given as a command with {port} in it; give it and its address once `ready`
    answers.

    `variables` are added to the environment.
    """
    port = free_port()
    filled = [part.format(port=port) for part in command]
    with subprocess.Popen(
        [sys.executable, *filled],
        env={**os.environ, **(variables or {})},  # noqa: TID251 - what a shell would pass on
        text=True,
        stdout=subprocess.DEVNULL,
    ) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            _wait(f"{url}{ready}", process)
            yield process, url
        finally:
            process.terminate()


def _wait(url: str, process: subprocess.Popen[str]) -> None:
    while process.poll() is None:
        try:
            if httpx.get(url).status_code != 503:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the server did not start")


class Memory:
    """The resident memory of a process: now, and the most since it was last reset (Linux)."""

    def __init__(self, process_id: int) -> None:
        self._folder = Path(f"/proc/{process_id}")

    def reset_peak(self) -> None:
        """Begin to look for a new peak."""
        (self._folder / "clear_refs").write_text("5")

    def now(self) -> int:
        """Return the resident bytes."""
        return self._field("VmRSS")

    def peak(self) -> int:
        """Return the most resident bytes since the reset."""
        return self._field("VmHWM")

    def _field(self, name: str) -> int:
        for line in (self._folder / "status").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * 1024
        raise AssertionError(name)


@contextmanager
def answered_health(url: str) -> Iterator[list[float]]:
    """Ask for the health all the time; the list gets the seconds that each answer took."""
    waits: list[float] = []
    end = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=url, timeout=60) as client:
            while not end.wait(0.01):
                began = time.perf_counter()
                client.get("/healthz/live").raise_for_status()
                waits.append(time.perf_counter() - began)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield waits
    finally:
        end.set()
        thread.join()
        waits.sort()


def curl(url: str, body: str, out: str | os.PathLike[str]) -> float:
    """Post a body, write the answer to a file; give the seconds."""
    began = time.perf_counter()
    header = "content-type: application/json"
    subprocess.run(["curl", "-sSf", "-o", out, "-H", header, "-d", body, url], check=True)
    return time.perf_counter() - began


def in_turn(runs: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Run each in turn, round by round, so that a noisy moment hits all alike; the first round is
    not counted.
    """
    found: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds + 1):
        for name, run in runs.items():
            value = run()
            if turn:
                found[name].append(value)
    return found


def ratio(peer: list[float], own: list[float]) -> float:
    """Return the median of the rounds' ratios."""
    return median(p / o for p, o in zip(peer, own, strict=True))


def row(*cells: object) -> None:
    """Print one line of a table."""
    print("  ".join(f"{cell:<28}" if i == 0 else f"{cell:>22}" for i, cell in enumerate(cells)))
