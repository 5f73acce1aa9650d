"""What processes that serve together see of each other: who runs counts, who is silent does not,
until it is heard again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.telemetry.worker_folder import FRESH_S, beat, counted, last_beat_ns, shared

GAUGE = f"gauge_livesum_{os.getpid()}.db"
COUNTER = f"counter_{os.getpid()}.db"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a gauge and a counter of this process, which has not been heard of."""
    with shared():
        made = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])  # noqa: TID251 - as the library finds it
        for name in (GAUGE, COUNTER):
            (made / name).touch()
        yield made


def names() -> set[str]:
    """Name the files that count."""
    return {Path(file).name for file in counted()}


def test_a_process_that_says_that_it_runs_counts(folder: Path) -> None:
    beat()

    assert names() == {GAUGE, COUNTER}


@pytest.mark.usefixtures("folder")
def test_the_gauges_of_one_that_never_said_so_do_not_but_what_it_counted_does() -> None:
    assert last_beat_ns(os.getpid()) is None
    assert names() == {COUNTER}


def test_the_gauges_of_one_that_has_become_silent_come_back_when_it_is_heard(folder: Path) -> None:
    beat()
    long_ago_ns = time.monotonic_ns() - int(2 * FRESH_S * 1e9)
    os.utime(folder / f"heartbeat_{os.getpid()}", ns=(long_ago_ns, long_ago_ns))
    assert names() == {COUNTER}

    beat()
    assert names() == {GAUGE, COUNTER}
