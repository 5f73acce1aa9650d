"""From the command to the first answer, and to being ready, with warm kernels and without."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median

import httpx
import pytest

from tests.bench.measure import OURS, row, server

pytestmark = pytest.mark.bench


def started(cache: Path) -> tuple[float, float]:
    """Return the seconds until a server is alive and until it is ready."""
    began = time.perf_counter()
    with server(*OURS, ready="/healthz/live", variables={"NUMBA_CACHE_DIR": str(cache)}) as (
        _,
        url,
    ):
        alive = time.perf_counter() - began
        while httpx.get(f"{url}/healthz/ready").status_code != 200:
            time.sleep(0.02)
        return alive, time.perf_counter() - began


def test_start(tmp_path: Path) -> None:
    cold = [started(tmp_path / str(turn)) for turn in range(3)]
    warm = [started(tmp_path / "0") for _ in range(5)]
    print()
    row("seconds until", "alive", "ready")
    for name, found in (("cold kernels", cold), ("warm kernels", warm)):
        row(name, *(f"{median(seconds):.1f}" for seconds in zip(*found, strict=True)))
