"""Browsers with the studio open, beside downloads: what is left to these, and how many figures are
served.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.bench.measure import OURS, answered_health, row, server

pytestmark = pytest.mark.bench

BROWSERS, PER_S = 64, 5
DOWNLOADS, SECONDS = 4, 15
FILE: dict[str, Any] = {"rnn_type": "lstm", "input_size": 1024, "hidden_size": 1024}  # 34 MB
_seeds = count()


class Downloads(NamedTuple):
    """What so many downloads at once came to."""

    mb_per_s: float
    refused: int


def downloads(url: str) -> Downloads:
    """Download files, each with another seed, for so many seconds; one that is refused is asked for
    again after a second.
    """
    end_s = time.perf_counter() + SECONDS
    refused: list[str] = []

    def download(_: int) -> int:
        read_bytes = 0
        while (left_s := end_s - time.perf_counter()) > 0.1:
            body = json.dumps(FILE | {"seed": next(_seeds)})
            command = ["curl", "-sS", "--max-time", f"{left_s:.3f}", "-o", "/dev/null"]
            command += ["-w", "%{http_code} %{size_download}", "-d", body]
            command += ["-H", "content-type: application/json", f"{url}/v1/checkpoints"]
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            status, size = run.stdout.split()
            assert status in {"000", "200", "503"}, run.stdout  # 000: none until the time was up
            if status == "503":
                refused.append(body)
                time.sleep(1)
            else:
                read_bytes += int(size)
        return read_bytes

    with ThreadPoolExecutor(DOWNLOADS) as pool:
        read_bytes = sum(pool.map(download, range(DOWNLOADS)))
    return Downloads(read_bytes / SECONDS / 1e6, len(refused))


def test_studios_beside_downloads() -> None:
    with server(*OURS, ready="/healthz/ready") as (_, url):
        downloads(url)  # the first round is not counted
        alone = [downloads(url)]
        arguments = [url, BROWSERS, PER_S, SECONDS + 4]
        with subprocess.Popen(
            [sys.executable, Path(__file__).parent / "studios.py", *map(str, arguments)],
            stdout=subprocess.PIPE,
            text=True,
        ) as studios:
            time.sleep(2)
            with answered_health(url) as waits:
                beside = downloads(url)
            printed, _ = studios.communicate()
        alone.append(downloads(url))
    told = json.loads(printed)
    figures = {x: n for x, n in told["answers"].items() if x.startswith("figures ")}
    late = figures.get("figures 503 with Retry-After", 0)
    usual = sum(each.mb_per_s for each in alone) / len(alone)
    print()
    row(f"{BROWSERS} browsers, {PER_S} requests/s each", "measured", "wanted")
    row("downloads alone, MB/s", " and ".join(f"{each.mb_per_s:.0f}" for each in alone), "")
    row("downloads at the same time", f"{beside.mb_per_s:.0f}", f">= {usual / 2:.0f}")
    row("downloads refused", beside.refused, 0)
    row("health, median in ms", f"{1e3 * waits[len(waits) // 2]:.0f}", "")
    row("health, p99 in ms", f"{1e3 * waits[int(0.99 * len(waits))]:.0f}", "< 100")
    for kind, seconds in told["waits"].items():
        seconds.sort()
        row(
            f"{kind}, p50 and p99 in ms",
            f"{1e3 * seconds[len(seconds) // 2]:.0f}",
            f"{1e3 * seconds[int(0.99 * len(seconds))]:.0f}",
        )
    served = figures.get("figures 200", 0)
    row("figures served", f"{served / sum(figures.values()):.0%} of {sum(figures.values())}", "")
    row("figures neither served nor 503", sum(figures.values()) - served - late, 0)
    for answer, times in sorted(told["answers"].items()):
        row(answer, times)
