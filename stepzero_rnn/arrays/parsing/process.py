"""Runs the child process that parses a file."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import stepzero_rnn.arrays
from stepzero_rnn.arrays.parsing.child import Job
from stepzero_rnn.arrays.parsing.report import Report, read_report
from stepzero_rnn.arrays.records import FormatError, ReadLimits, Watch

_POLL_S = 0.02
_WALL_FACTOR = 2  # of the processor time
# The library's own __init__ loads all of it, which takes a second; the child needs three modules.
_START = """
import json, sys, types
job = json.loads(sys.argv[1])
sys.path[:] = job.pop("path")
package = types.ModuleType("stepzero_rnn")
package.__path__ = [job.pop("package")]
sys.modules["stepzero_rnn"] = package
from stepzero_rnn.arrays.parsing.child import main
main(job)
"""
# One thread, no plug-ins of HDF5, and nothing of this process's own variables.
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "HDF5_PLUGIN_PRELOAD": "::"}


class Parsing(NamedTuple):
    """A file to parse: by which library, where its arrays go, and the memory that it takes."""

    package: str
    source: Path
    target: Path
    held_bytes: int


def run(parsing: Parsing, room_bytes: int, bounds: ReadLimits, watch: Watch) -> Report:
    """Parse a file in a child process, which may write `room_bytes`; return its report.

    Raises:
        FormatError: it breaks, exceeds its memory or time, or leaves no report.
        OSError: the disk is full.
    """
    report = parsing.target.with_suffix(".json")
    job = Job(
        parser=parsing.package,
        source=str(parsing.source.absolute()),
        target=str(parsing.target.absolute()),
        report=str(report.absolute()),
        memory_bytes=bounds.child_bytes + parsing.held_bytes,
        cpu_s=bounds.child_cpu_s,
        wall_s=bounds.child_cpu_s * _WALL_FACTOR,
        limits={
            "arrays": bounds.arrays,
            "total_bytes": bounds.total_bytes,
            "room_bytes": room_bytes,
        },
    )
    report.unlink(missing_ok=True)
    code = _wait(job, report.parent, watch)
    if code == errno.ENOSPC:
        raise OSError(errno.ENOSPC, "no space left")
    if code:
        raise FormatError(
            f"{parsing.package} cannot read it within {job['memory_bytes'] >> 20} MiB of memory and "
            f"{bounds.child_cpu_s} s, or breaks on it"
        )
    return read_report(report)


def _wait(job: Job, folder: Path, watch: Watch) -> int:
    """Start a child, wait for its end, and return its exit code; it never outlives the call."""
    path = [str(Path(entry).absolute()) for entry in sys.path]
    package = str(Path(stepzero_rnn.arrays.__path__[0]).parent)
    text = json.dumps({**job, "path": path, "package": package})
    ends = time.monotonic() + job["wall_s"]
    child = subprocess.Popen(  # noqa: S603 - our own program, and no shell
        [sys.executable, "-I", "-c", _START, text],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env=_ENVIRONMENT,
        start_new_session=True,
    )
    try:
        while child.poll() is None and time.monotonic() < ends:
            watch.go_on()
            time.sleep(_POLL_S)
        return -1 if child.poll() is None else child.returncode
    finally:
        child.kill()
        child.wait()
