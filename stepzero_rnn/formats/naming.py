"""Selection of a file's format: the one named, or else the one of its suffix."""

from __future__ import annotations

from pathlib import Path

from stepzero_rnn.errors import FormatMismatch, UnknownFormat
from stepzero_rnn.formats import FORMATS
from stepzero_rnn.spec.checkpoint import CheckpointRequest, FormatName, Spec
from stepzero_rnn.spec.recipe import AnySpec

# Suffixes of other programs' formats; `.bin`, `.pth`, `.ckpt` and the like are used for PyTorch's.
_OF_OTHERS = frozenset(
    [
        "gguf",
        "h5",
        "hdf5",
        "json",
        "keras",
        "mlmodel",
        "msgpack",
        "npy",
        "onnx",
        "orbax",
        "parquet",
        "pb",
        "tar",
        "tflite",
    ]
)


def choose_format(path: Path | None, named: FormatName | None) -> FormatName:
    """Choose a file's format: the one named, or the one of its suffix, or `pt`.

    Raises:
        FormatMismatch: the suffix belongs to a format other than the one named.
        UnknownFormat: the name is unknown, or the suffix belongs to an unsupported format.
    """
    if named is not None and named not in FORMATS:
        raise UnknownFormat(given=named, allowed=FORMATS)
    suffix = path.suffix.lower() if path else ""
    by_suffix = next((name for name, row in FORMATS.items() if f".{row.suffix}" == suffix), None)
    foreign = suffix[1:] if suffix[1:] in _OF_OTHERS else None
    if path and named and (foreign or by_suffix or named) != named:
        raise FormatMismatch(file=path.name, told=foreign or by_suffix or named, named=named)
    if foreign:
        raise UnknownFormat(given=foreign, allowed=FORMATS)
    return named or by_suffix or "pt"


def format_and_rest(spec: AnySpec) -> tuple[AnySpec, FormatName | None]:
    """Split a spec into the spec proper and the format it may contain, as requests do."""
    if isinstance(spec, Spec | str):
        return spec, spec.format if isinstance(spec, CheckpointRequest) else None
    return {name: value for name, value in spec.items() if name != "format"}, spec.get("format")
