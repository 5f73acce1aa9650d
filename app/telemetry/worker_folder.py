"""The folder through which processes that serve together count together, and see of each other that
they run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory

FRESH_S = 5.0  # what a process says of itself each second counts for so long
_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # prometheus-client looks at it when it is imported
_GAUGE = "gauge_live"  # with which the library begins the files of gauges of what lives


@contextmanager
def shared() -> Iterator[None]:
    """Let the processes that are started meanwhile count together."""
    with TemporaryDirectory(prefix="stepzero-metrics-") as folder:
        os.environ[_VARIABLE] = folder  # noqa: TID251 - the only way to say it
        try:
            yield
        finally:
            del os.environ[_VARIABLE]  # noqa: TID251


def is_shared() -> bool:
    """Whether several processes count together."""
    return _VARIABLE in os.environ  # noqa: TID251 - not a setting of ours


def clear_away() -> None:
    """Remove what was counted together, where the process that would have done so has died."""
    rmtree(_folder(), ignore_errors=True)


def beat() -> None:
    """Say that this process runs; its event loop does so each second."""
    file, now_ns = _heartbeat(os.getpid()), time.monotonic_ns()
    with suppress(FileNotFoundError):  # the folder has been cleared away
        file.touch()
        os.utime(file, ns=(now_ns, now_ns))  # that clock is one for all processes of a machine


def last_beat_ns(process_id: int) -> int | None:
    """Return the monotonic time at which a process last said that it runs; None if it never did."""
    try:
        return _heartbeat(process_id).stat().st_mtime_ns
    except FileNotFoundError:
        return None


def counted() -> list[str]:
    """List the files of what was counted, without the gauges of processes that are silent; forget
    those that have ended.
    """
    files = _folder().glob("*.db")
    return [str(file) for file in files if not file.name.startswith(_GAUGE) or _is_heard(file)]


def _is_heard(file: Path) -> bool:
    """Whether the process of a gauge still says that it runs."""
    process_id = int(file.stem.rpartition("_")[2])
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:  # it ended without a word
        file.unlink(missing_ok=True)
        _heartbeat(process_id).unlink(missing_ok=True)
    beat_ns = last_beat_ns(process_id)
    return beat_ns is not None and time.monotonic_ns() - beat_ns < FRESH_S * 1e9


def _heartbeat(process_id: int) -> Path:
    return _folder() / f"heartbeat_{process_id}"


def _folder() -> Path:
    return Path(os.environ[_VARIABLE])  # noqa: TID251 - not a setting of ours
