"""Selection of a file's format: the one named, or else the one of its suffix.

A suffix may contain dots, and end in another one: `.onnx.zip` is not `.zip`.
"""

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
        "mlmodel",
        "npy",
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
    by_suffix = _split(path.name.lower())[1] if path else None
    suffix = path.suffix.lower().removeprefix(".") if path and not by_suffix else ""
    foreign = suffix if suffix in _OF_OTHERS else None
    if path and named and (foreign or by_suffix or named) != named:
        raise FormatMismatch(file=path.name, told=foreign or by_suffix or named, named=named)
    if foreign:
        raise UnknownFormat(given=foreign, allowed=_suffixes())
    return named or by_suffix or "pt"


def split_file_name(name: str) -> tuple[str, FormatName]:
    """Split a file name into its stem and the format of its suffix.

    Raises:
        UnknownFormat: no format has the suffix.
    """
    stem, found = _split(name)
    if found is None:
        raise UnknownFormat(given=name.rpartition(".")[2], allowed=_suffixes())
    return stem, found


def _suffixes() -> list[str]:
    return [record.suffix for record in FORMATS.values()]


def _split(name: str) -> tuple[str, FormatName | None]:
    """Split a name before the longest suffix of a format: some are the end of others."""
    ends = {f".{record.suffix}": known for known, record in FORMATS.items()}
    for end in sorted(ends, key=len, reverse=True):
        if name.endswith(end) and name != end:
            return name.removesuffix(end), ends[end]
    return name, None


def format_and_rest(spec: AnySpec) -> tuple[AnySpec, FormatName | None]:
    """Split a spec into the spec proper and the format it may contain, as requests do."""
    if isinstance(spec, Spec | str):
        return spec, spec.format if isinstance(spec, CheckpointRequest) else None
    return {name: value for name, value in spec.items() if name != "format"}, spec.get("format")
