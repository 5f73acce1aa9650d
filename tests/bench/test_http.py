"""A checkpoint over HTTP beside a local script and a tutorial's endpoint, in one run.

Seconds from the spec to the file in the client, medians of rounds taken in turn; each round asks
for another seed, so nothing is remembered from the one before.  Memory is the server's resident
peak above idle.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest

from stepzero_rnn import plan
from stepzero_rnn.formats import FORMATS
from stepzero_rnn.formats.segments import Transposed
from stepzero_rnn.spec.checkpoint import Spec
from tests.bench.measure import MIB, NEEDS_GPU, OURS, Memory, curl, in_turn, ratio, row, server

pytestmark = pytest.mark.bench

PEERS = str(Path(__file__).parent / "peers.py")
LARGE: dict[str, Any] = {
    "rnn_type": "lstm",
    "input_size": 2048,
    "hidden_size": 2048,
    "num_layers": 4,
}
SMALL: dict[str, Any] = {"rnn_type": "gru", "input_size": 10, "hidden_size": 20}
SAME_CHECK = {"seq_len": 16, "batch": 4}  # the size of the peers' forward pass
ROUNDS = 5


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in memory where there is one, so that no disk is measured."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own inside it
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        yield Path(name)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=NEEDS_GPU)])
@pytest.mark.parametrize("init", ["xavier_uniform", "trunc_normal", "orthogonal"])
def test_large_checkpoint(init: str, device: str, folder: Path) -> None:
    spec = LARGE | {"init": init, "device": device}
    (folder / "spec.json").write_text(json.dumps(spec))
    script = subprocess.Popen(
        [sys.executable, PEERS, "script", folder / "spec.json", folder / "script.pt"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    seeds = count()
    with (
        script,
        server(*OURS, ready="/healthz/ready") as (process, url),
        server(PEERS, "endpoint", "{port}", ready="/") as (tutorial, tutorial_url),
    ):
        memory = {"ours": Memory(process.pid), "tutorial": Memory(tutorial.pid)}
        idle = {name: each.now() for name, each in memory.items()}

        def run_script() -> float:
            assert script.stdin
            assert script.stdout
            script.stdin.write("\n")
            script.stdin.flush()
            return float(script.stdout.readline())

        def run_ours() -> float:
            body = json.dumps(spec | {"seed": next(seeds), "check": SAME_CHECK})
            return curl(f"{url}/v1/checkpoints", body, folder / "ours.pt")

        def run_tutorial() -> float:
            return curl(tutorial_url, json.dumps(spec), folder / "tutorial.pt")

        rounds = 2 if init == "orthogonal" else ROUNDS
        runs = {"ours": run_ours, "script": run_script, "tutorial": run_tutorial}
        seconds = in_turn(runs, rounds)
        above = {name: each.peak() - idle[name] for name, each in memory.items()}
        assert script.stdin
        script.stdin.close()
    layer = max(
        sum(t.size_bytes for t in layer) for layer in plan({**LARGE, "init": init}).layers()
    )
    print()
    row(f"LSTM 2048x4, {init}, {device}", "seconds", "ours is sooner by", "MiB above idle")
    for name, found in seconds.items():
        mib = f"{above[name] / MIB:.0f}" if name in above else "–"
        row(name, f"{median(found):.2f}", f"{ratio(found, seconds['ours']):.2f}x", mib)
    row("one layer + 64 MiB", "", "", f"{layer / MIB + 64:.0f}")


@pytest.mark.parametrize(
    ("init", "layers", "kept_mib"),
    [
        ("xavier_uniform", 4, 2048),
        ("xavier_uniform", 64, 2048),
        ("orthogonal", 4, 0),
        ("orthogonal", 4, 2048),
    ],
)
def test_memory(init: str, layers: int, kept_mib: int) -> None:
    """One layer, whatever the number of layers; what is dear to draw is kept where there is room
    for it.
    """
    spec = LARGE | {"init": init, "num_layers": layers}
    planned = plan(spec)
    layer = max(sum(t.size_bytes for t in layer) for layer in planned.layers())
    room = {"STEPZERO_MAX_CACHED_TENSOR_BYTES": str(kept_mib * MIB)}
    with server(*OURS, ready="/healthz/ready", variables=room) as (process, url):
        memory = Memory(process.pid)
        idle = memory.now()
        seconds = curl(f"{url}/v1/checkpoints", json.dumps(spec), "/dev/null")
        above = memory.peak() - idle
    print()
    row(f"LSTM 2048x{layers}, {init}", "GB", "seconds", "MiB above idle", "one layer + 64 MiB")
    figures = f"{planned.size_bytes / 1e9:.2f}", f"{seconds:.2f}", f"{above / MIB:.0f}"
    row(f"{kept_mib} MiB to keep weights in", *figures, f"{layer / MIB + 64:.0f}")


def test_formats() -> None:
    """Other libraries' files take about as long as PyTorch's, and one transposed tensor more."""
    peaks: dict[str, int] = {}
    seeds = count()
    with server(*OURS, ready="/healthz/ready") as (process, url):
        memory = Memory(process.pid)
        idle = memory.now()

        def run(name: str) -> float:
            body = json.dumps(LARGE | {"seed": next(seeds), "format": name})
            memory.reset_peak()
            seconds = curl(f"{url}/v1/checkpoints", body, "/dev/null")
            peaks[name] = max(peaks.get(name, 0), memory.peak() - idle)
            return seconds

        able = [form for form in FORMATS.values() if not form.cannot(Spec(**LARGE))]
        seconds = in_turn({form.name: partial(run, form.name) for form in able}, ROUNDS)
    layers = [*plan(LARGE).layers()]
    layer = max(sum(t.size_bytes for t in layer) for layer in layers)
    tensor = max(t.size_bytes for layer in layers for t in layer)
    print()
    row("LSTM 2048x4", "seconds", "pt is sooner by", "MiB above idle", "may be")
    for form in able:
        found = seconds[form.name]
        turned = any(isinstance(s, Transposed) for s in form.segments(plan(LARGE)))
        allowed = layer + turned * tensor + 64 * MIB
        figures = f"{median(found):.2f}", f"{ratio(found, seconds['pt']):.2f}x"
        row(form.name, *figures, f"{peaks[form.name] / MIB:.0f}", f"{allowed / MIB:.0f}")


def test_small_checkpoint() -> None:
    def rate(url: str) -> float:
        with httpx.Client() as client:
            began = time.perf_counter()
            for seed in range(200):
                client.post(
                    url, json=SMALL | {"seed": seed + 1000 * next(rounds)}
                ).raise_for_status()
            return (time.perf_counter() - began) / 200

    rounds = count()
    with (
        server(*OURS, ready="/healthz/ready") as (_, url),
        server(PEERS, "endpoint", "{port}", ready="/") as (_, tutorial_url),
    ):
        runs = {
            "ours": lambda: rate(f"{url}/v1/checkpoints"),
            "tutorial": lambda: rate(tutorial_url),
        }
        seconds = in_turn(runs, ROUNDS)
    print()
    row("GRU 10x20, one client", "requests/s", "ours is faster by")
    for name, found in seconds.items():
        row(name, f"{1 / median(found):.0f}", f"{ratio(found, seconds['ours']):.2f}x")


def test_the_time_to_stop_after_a_client_left() -> None:
    """Ask for 1 kB of a large file, leave, and see when the server's processor time stands
    still.
    """
    waits = []
    body = json.dumps(LARGE | {"init": "normal"})
    with server(*OURS, ready="/healthz/ready") as (process, url):
        for _ in range(ROUNDS):
            with httpx.stream(
                "POST",
                f"{url}/v1/checkpoints",
                content=body,
                headers={"content-type": "application/json"},
            ) as answer:
                next(answer.iter_raw(1000))
            waits.append(_seconds_until_idle(process.pid))
    print()
    row("client left after 1 kB", "ms until idle", "most")
    row("ours", f"{median(waits) * 1000:.0f}", f"{max(waits) * 1000:.0f}")


def _seconds_until_idle(process_id: int) -> float:
    """Return the time until the last of 300 ms in which the process used no more than one clock
    tick.
    """

    def ticks() -> int:
        fields = Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    began = last_busy = time.perf_counter()
    before = ticks()
    while time.perf_counter() - last_busy < 0.3:
        time.sleep(0.005)
        if (after := ticks()) > before:
            before, last_busy = after, time.perf_counter()
    return last_busy - began
