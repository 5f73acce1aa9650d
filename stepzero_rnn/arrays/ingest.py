"""From uploaded files to the canonical file; read this first.

    list → name → fit → gather → write

Only headers are read until all names and shapes are known to fit; then the values are streamed in
chunks, so memory is bounded by a few chunks whatever the input.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import groupby
from math import prod
from pathlib import Path

from stepzero_rnn.arrays.array_shapes import fit
from stepzero_rnn.arrays.names import lacking, read_names
from stepzero_rnn.arrays.naming import unfit
from stepzero_rnn.arrays.parsing.conversion import plain_files
from stepzero_rnn.arrays.pieces import Filled, Piece, fill, gather, missing
from stepzero_rnn.arrays.readers import safetensors
from stepzero_rnn.arrays.readers.files import Found, list_arrays
from stepzero_rnn.arrays.readers.values import (
    CHUNK_BYTES,
    encoded,
    is_finite,
    stream,
    write_sparsely,
)
from stepzero_rnn.arrays.records import (
    ArrayEntry,
    Manifest,
    ReadLimits,
    ReadOptions,
    Upload,
    Watch,
    field_error,
    refuse,
)
from stepzero_rnn.dtypes import DTYPES
from stepzero_rnn.errors import ArraysTooLarge, FieldError, InvalidArrays
from stepzero_rnn.spec.checkpoint import Spec

_MAX_MISSING = 16
_DEFAULTS = ReadOptions()
_BOUNDS = ReadLimits()
_ALONE = Watch()


def ingest(
    files: Sequence[Upload],
    target: Path,
    spec: Spec,
    options: ReadOptions = _DEFAULTS,
    bounds: ReadLimits = _BOUNDS,
    watch: Watch = _ALONE,
) -> Manifest:
    """Write the arrays of all files to `target` in canonical form; on failure, remove it.

    Compressed arrays are unpacked into unnamed temporary files in the same folder.  ONNX and HDF5
    files are parsed in a child process, which writes their arrays into a temporary folder there.

    Args:
        watch: called with the largest number of bytes that will be written, before the first one,
            and before every chunk.

    Raises:
        InvalidArrays: a file is corrupt, or the arrays do not fit the network; all errors are
            listed.
        ArraysTooLarge: a bound is exceeded.
        NotAnArrayFile: a file has an unsupported format.
        MissingExtra: the extra `readers`, which the format needs, is not installed.
    """
    with plain_files(files, target.parent, bounds, watch) as plain:
        return _ingest(list_arrays(plain, bounds), target, spec, options, bounds, watch)


def _ingest(
    arrays: Sequence[Found],
    target: Path,
    spec: Spec,
    options: ReadOptions,
    bounds: ReadLimits,
    watch: Watch,
) -> Manifest:
    reading = read_names(arrays, spec, options)
    refuse([*reading.faults, *lacking(reading.named, spec), *unfit(reading.named)])
    if not reading.named:
        raise InvalidArrays([FieldError("/files", "no_arrays", "the files contain no arrays")])
    fitted = fit(reading.named, spec, options)
    refuse(fitted.faults)
    gathered = gather(reading.named, spec)
    refuse(gathered.faults)
    if options.strict:
        layers = fitted.sizes.num_layers if options.grow else spec.num_layers
        _refuse_missing(missing(gathered, spec, layers))
    filled = fill(gathered, spec)
    size_bytes = _size_bytes(filled)
    if size_bytes > bounds.kept_bytes:
        what = "bytes in total"
        raise ArraysTooLarge(
            file="the arrays", what=what, given=size_bytes, limit=bounds.kept_bytes
        )
    watch.claim(size_bytes + _scratch_bytes(filled))
    try:
        sha256 = _write(target, filled, watch)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    entries = tuple(sorted((f.entry for f in filled), key=lambda entry: entry.name))
    return Manifest(sha256, target.stat().st_size, entries, fitted.sizes, reading.prefix)


def _refuse_missing(names: Sequence[str]) -> None:
    if names:
        listed = ", ".join(names[:_MAX_MISSING]) + ", …" * (len(names) > _MAX_MISSING)
        detail = f"strict requires all parameters, but {len(names)} are missing: {listed}"
        raise InvalidArrays(
            [FieldError("/files", "missing_arrays", detail, allowed=[*names[:_MAX_MISSING]])]
        )


def _size_bytes(filled: Sequence[Filled]) -> int:
    """Return the size of the canonical file."""
    entries = safetensors.in_order([one.entry for one in filled])
    numbers = sum(prod(e.shape) * DTYPES[e.dtype].item_bytes for e in entries)
    return len(safetensors.header(entries)) + numbers


def _scratch_bytes(filled: Sequence[Filled]) -> int:
    """Return the most disk that unpacking and transposing take, one array at a time."""
    return max(p.found.scratch_bytes(p.lying) for one in filled for p in one.pieces)


def _write(target: Path, filled: Sequence[Filled], watch: Watch) -> str:
    by_name = {one.entry.name: one for one in filled}
    entries = safetensors.in_order([one.entry for one in filled])
    digest = hashlib.sha256()
    with target.open("wb") as file:
        for content in _content(entries, by_name, target.parent, watch):
            watch.go_on()
            digest.update(content)
            write_sparsely(file, content)
        file.truncate(file.tell())
    return digest.hexdigest()


def _content(
    entries: Sequence[ArrayEntry], by_name: dict[str, Filled], scratch: Path, watch: Watch
) -> Iterator[bytes]:
    yield safetensors.header(entries)
    for entry in entries:
        for found, pieces in groupby(by_name[entry.name].pieces, key=lambda piece: piece.found):
            yield from _numbers(found, pieces, scratch, watch)


def _numbers(found: Found, pieces: Iterator[Piece], scratch: Path, watch: Watch) -> Iterator[bytes]:
    """Yield the values of pieces of one array, as bytes of the canonical file."""
    dtype = DTYPES[found.values.dtype]
    with found.opened(scratch, watch) as (file, offset):
        for piece in pieces:
            if piece.constant is not None:
                yield from _repeated(encoded(piece.constant, dtype.name), prod(piece.shape))
                continue
            for numbers in stream(file, offset, found.values, piece.lying, scratch):
                if not is_finite(numbers, dtype.name):
                    _refuse_nonfinite(found)
                yield numbers.astype(dtype.numpy, copy=False).tobytes()


def _repeated(number: bytes, times: int) -> Iterator[bytes]:
    at_once = CHUNK_BYTES // len(number)
    for start in range(0, times, at_once):
        yield number * min(at_once, times - start)


def _refuse_nonfinite(found: Found) -> None:
    detail = "it contains a NaN or an infinity"
    raise InvalidArrays([field_error("nonfinite", detail, file=found.file, name=found.name)])
