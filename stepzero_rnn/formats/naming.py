"""Which format a file gets: the one named, or else the one that its suffix says."""

from __future__ import annotations

from pathlib import Path

from stepzero_rnn.errors import FormatMismatch, UnknownFormat
from stepzero_rnn.formats import FORMATS
from stepzero_rnn.spec.checkpoint import CheckpointRequest, FormatName, Spec
from stepzero_rnn.spec.recipe import AnySpec

# What other programs take such a file for; `.bin`, `.pth`, `.ckpt` and the like are PyTorch's own.
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
    """Choose a file's format: as named, or by its suffix, or `pt`.

    Raises:
        FormatMismatch: the suffix is that of another format than the one named.
        UnknownFormat: there is none of this name, or the suffix is that of a format not written
            here.
    """
    if named is not None and named not in FORMATS:
        raise UnknownFormat(given=named, allowed=FORMATS)
    suffix = path.suffix.lower() if path else ""
    told = next((name for name, known in FORMATS.items() if f".{known.suffix}" == suffix), None)
    foreign = suffix[1:] if suffix[1:] in _OF_OTHERS else None
    if path and named and (foreign or told or named) != named:
        raise FormatMismatch(file=path.name, told=foreign or told or named, named=named)
    if foreign:
        raise UnknownFormat(given=foreign, allowed=FORMATS)
    return named or told or "pt"


def format_and_rest(spec: AnySpec) -> tuple[AnySpec, FormatName | None]:
    """Part a spec from the format that may stand in it, as in a request to the service."""
    if isinstance(spec, Spec | str):
        return spec, spec.format if isinstance(spec, CheckpointRequest) else None
    return {name: value for name, value in spec.items() if name != "format"}, spec.get("format")
