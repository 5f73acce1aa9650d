"""The folder in which the server processes share metrics and heartbeats."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory

FRESH_S = 5.0  # a heartbeat, sent each second, is valid for this time
_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # read by prometheus-client when it is imported
_GAUGE = "gauge_live"  # prefix of the library's files for gauges of live processes


@contextmanager
def shared() -> Iterator[None]:
    """Make the processes started within the block share their metrics."""
    with TemporaryDirectory(prefix="stepzero-metrics-") as folder:
        os.environ[_VARIABLE] = folder  # noqa: TID251 - the library's only interface
        try:
            yield
        finally:
            del os.environ[_VARIABLE]  # noqa: TID251


def is_shared() -> bool:
    """Return True if several processes share their metrics."""
    return _VARIABLE in os.environ  # noqa: TID251 - not a setting of ours


def clear_away() -> None:
    """Remove the folder, if the process that created it has died."""
    rmtree(_folder(), ignore_errors=True)


def beat() -> None:
    """Record a heartbeat of this process; its event loop does so every second."""
    file, now_ns = _heartbeat(os.getpid()), time.monotonic_ns()
    with suppress(FileNotFoundError):  # the folder has been removed
        file.touch()
        os.utime(file, ns=(now_ns, now_ns))  # the monotonic clock is shared by all processes


def last_beat_ns(process_id: int) -> int | None:
    """Return the monotonic time of a process's last heartbeat, or None."""
    try:
        return _heartbeat(process_id).stat().st_mtime_ns
    except FileNotFoundError:
        return None


def counted() -> list[str]:
    """List the metric files, except gauges of processes without a heartbeat; delete the gauges of
    processes that have exited.
    """
    files = _folder().glob("*.db")
    return [str(file) for file in files if not file.name.startswith(_GAUGE) or _is_alive(file)]


def _is_alive(file: Path) -> bool:
    """Return True if the process of a gauge has a recent heartbeat."""
    process_id = int(file.stem.rpartition("_")[2])
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:  # it exited without cleaning up
        file.unlink(missing_ok=True)
        _heartbeat(process_id).unlink(missing_ok=True)
    beat_ns = last_beat_ns(process_id)
    return beat_ns is not None and time.monotonic_ns() - beat_ns < FRESH_S * 1e9


def _heartbeat(process_id: int) -> Path:
    return _folder() / f"heartbeat_{process_id}"


def _folder() -> Path:
    return Path(os.environ[_VARIABLE])  # noqa: TID251 - not a setting of ours
