"""Turns ONNX, HDF5 and Keras files into files that `readers` reads: a child process parses each.

The libraries that parse them are large, written in C and C++, and made for files of one's own.  So
they run in a process with limits on memory, time, open files and what it may write, and a file that
breaks them breaks only that process.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from stepzero_rnn.arrays.parsing.process import Parsing, run
from stepzero_rnn.arrays.readers import zip_archive as zipped
from stepzero_rnn.arrays.readers.files import as_upload_errors
from stepzero_rnn.arrays.records import ReadLimits, Upload, Watch, require
from stepzero_rnn.extras import require_reader

_HEAD_BYTES = 16
_HDF5 = b"\x89HDF\r\n\x1a\n"
_KERAS_WEIGHTS = "model.weights.h5"
_KERAS_RECORDS = frozenset({"config.json", _KERAS_WEIGHTS})
# ModelProto has no magic: its first field is the version, a small number, and the next begins with
# the tag of another field.  https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
_IR_VERSION_TAG, _MAX_IR_VERSION = 0x08, 0x3F
_NEXT_TAGS = frozenset({0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42, 0x72})
_ROOM_FACTOR = 2  # most files hold their values as they are
_ROOM_BYTES = 1 << 20
_HELD_COPIES = 3  # in memory: an ONNX file, its fields, and one of these


class _Parser(NamedTuple):
    """The library that parses a kind of file, and what to do without it."""

    package: str
    otherwise: str


_SAVEZ = "numpy.savez('weights.npz', **arrays)"
_ONNX = _Parser("onnx", f"save the arrays W, R and B of its nodes with {_SAVEZ}")
_H5PY = _Parser("h5py", f"save its arrays, by their names, with {_SAVEZ}")


class _Source(NamedTuple):
    """What is parsed: a file, or a record of one."""

    parser: _Parser
    record: zipped.Member | None = None


@contextmanager
def plain_files(
    files: Sequence[Upload], folder: Path, bounds: ReadLimits, watch: Watch
) -> Iterator[Sequence[Upload]]:
    """Parse the ONNX and HDF5 files, and yield them all; those parsed are removed at the end.

    Args:
        watch: as for `ingest`; called for the parsed files only.

    Raises:
        InvalidArrays, ArraysTooLarge: a file cannot be parsed, or exceeds a limit.
        MissingExtra: the library that parses it is not installed.
    """
    sources = {}
    for number, upload in enumerate(files[: bounds.files]):
        with as_upload_errors(upload.name):
            if source := _source(upload, bounds):
                sources[number] = source
                require("files to parse", len(sources), bounds.parsed_files)
    if not sources:
        yield files
        return
    for source in sources.values():
        require_reader(*source.parser)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        yield [
            _parsed(upload, sources[n], Path(scratch, str(n)), bounds, watch)
            if n in sources
            else upload
            for n, upload in enumerate(files)
        ]


def are_graphs(files: Sequence[Upload]) -> bool:
    """Whether all files are ONNX graphs, whose nodes are checked when they are parsed."""
    heads = []
    for upload in files:
        with upload.path.open("rb") as file:
            heads.append(file.read(_HEAD_BYTES))
    return bool(heads) and all(map(_is_onnx, heads))


def _source(upload: Upload, bounds: ReadLimits) -> _Source | None:
    """Return what has to be parsed of a file; None if `readers` reads it."""
    with upload.path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        if head.startswith(_HDF5):
            return _Source(_H5PY)
        if _is_onnx(head):
            return _Source(_ONNX)
        if not head.startswith(zipped.MAGIC):
            return None
        records = zipped.members(file, upload.path.stat().st_size, bounds)
        by_name = {record.name: record for record in records}
        return _Source(_H5PY, by_name[_KERAS_WEIGHTS]) if by_name.keys() >= _KERAS_RECORDS else None


def _is_onnx(head: bytes) -> bool:
    if len(head) < _HEAD_BYTES or head[0] != _IR_VERSION_TAG:
        return False
    return 0 < head[1] <= _MAX_IR_VERSION and head[2] in _NEXT_TAGS


def _parsed(
    upload: Upload, source: _Source, target: Path, bounds: ReadLimits, watch: Watch
) -> Upload:
    """Parse a file into `target`, and return it under the file's name."""
    with as_upload_errors(upload.name):
        path = upload.path
        if source.record:
            path = _unpacked(upload, source.record, target.with_suffix(".h5"), watch)
        size_bytes, held_bytes = path.stat().st_size, 0
        if source.parser is _ONNX:
            require("bytes of ONNX", size_bytes, bounds.onnx_bytes)
            held_bytes = _HELD_COPIES * size_bytes
        parsing = Parsing(source.parser.package, path, target, held_bytes)
        room_bytes = min(_ROOM_FACTOR * size_bytes + _ROOM_BYTES, bounds.total_bytes)
        watch.claim(room_bytes)
        report = run(parsing, room_bytes, bounds, watch)
        if more_bytes := report.needs_bytes:
            require("bytes when unpacked", more_bytes, bounds.total_bytes)
            watch.claim(max(more_bytes - room_bytes, 0))
            report = run(parsing, more_bytes, bounds, watch)
        report.refuse()
        return Upload(upload.name, target, tuple(report.faults))


def _unpacked(upload: Upload, record: zipped.Member, target: Path, watch: Watch) -> Path:
    watch.claim(record.size_bytes)
    with upload.path.open("rb") as file, target.open("wb") as unpacked:
        for piece in zipped.content(file, record):
            watch.go_on()
            unpacked.write(piece)
    return target
