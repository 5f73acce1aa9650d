"""The child process: limits itself, parses one file, and writes its arrays and a report."""

from __future__ import annotations

import errno
import json
import resource
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, TypedDict

from stepzero_rnn.arrays.parsing.parsed import UNREAD, Exceeded, Limits, Parsed, Refused, require

_OPEN_FILES = 64
_HEADER_ROOM_BYTES = 8 << 20
_PARSERS = {
    "h5py": "stepzero_rnn.arrays.parsing.hdf5_file",
    "onnx": "stepzero_rnn.arrays.parsing.onnx_file",
}
_METADATA = "__metadata__"  # what is not an array in the header of a `.safetensors` file


class Job(TypedDict):
    """What the parent asks for: paths, limits on the process, and limits on the contents."""

    parser: str
    source: str
    target: str
    report: str
    memory_bytes: int
    cpu_s: int
    wall_s: int
    limits: Mapping[str, int]


def main(job: Job) -> None:
    """Parse a file; the report says what was found, or why nothing was."""
    limits = Limits(**job["limits"])
    _restrict(job, limits)
    try:
        report = _parse(job, limits)
    except Refused as refusal:
        report = {"refused": refusal.detail, "name": refusal.name}
    except Exceeded as excess:
        report = {"exceeded": [excess.what, excess.given, excess.limit]}
    except MemoryError:
        report = {"refused": "reading it takes too much memory"}
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            sys.exit(errno.ENOSPC)
        report = {"refused": f"{job['parser']} cannot read it; it may be incomplete"}
    except Exception:  # noqa: BLE001 - the libraries raise anything, and a report is all that leaves
        report = {"refused": f"{job['parser']} cannot read it; it may be incomplete"}
    Path(job["report"]).write_text(json.dumps(report))


def _restrict(job: Job, limits: Limits) -> None:
    """Limit this process, as far as the system can."""
    signal.alarm(job["wall_s"])  # also if the parent no longer exists
    for kind, limit in (
        (resource.RLIMIT_AS, job["memory_bytes"]),
        (resource.RLIMIT_CPU, job["cpu_s"]),
        (resource.RLIMIT_FSIZE, limits.room_bytes + _HEADER_ROOM_BYTES),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        least = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        with suppress(OSError, ValueError):  # macOS has no limit on addresses
            resource.setrlimit(kind, (least, least))


def _parse(job: Job, limits: Limits) -> Mapping[str, Any]:
    arrays = _parser(job["parser"])(Path(job["source"]), limits)
    require("arrays", len(arrays), limits.arrays)
    size_bytes = sum(array.size_bytes for array in arrays)
    require("bytes when unpacked", size_bytes, limits.total_bytes)
    if size_bytes > limits.room_bytes:
        return {"needs_bytes": size_bytes}
    _write(Path(job["target"]), arrays)
    return {
        "faults": [
            {"name": array.name, "code": array.fault.code, "detail": array.fault.detail}
            for array in arrays
            if array.fault
        ]
    }


def _parser(name: str) -> Callable[[Path, Limits], list[Parsed]]:
    """Import one parser, and the library that it needs."""
    try:
        parse: Callable[[Path, Limits], list[Parsed]] = import_module(_PARSERS[name]).parse
    except ImportError as error:  # also if its libraries do not fit in memory
        raise Refused(f"{name} cannot be loaded within its limit on memory") from error
    return parse


def _write(target: Path, arrays: Sequence[Parsed]) -> None:
    header, end = {}, 0
    for array in arrays:
        if array.name == _METADATA:
            raise Refused("no array can have this name", array.name)
        start, end = end, end + array.size_bytes
        header[array.name] = {
            "dtype": UNREAD if array.fault else array.dtype,
            "shape": array.shape,
            "data_offsets": [start, end],
        }
    text = json.dumps(header).encode()
    require("bytes of names", len(text), _HEADER_ROOM_BYTES)
    with target.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in arrays:
            if array.size_bytes:
                file.writelines(array.content())
