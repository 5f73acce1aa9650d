"""Which format a file gets: the one named, or else the one that its suffix says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.errors import FormatMismatch, UnknownFormat
from app.formats import FORMATS
from app.spec.checkpoint import CheckpointRequest, FormatName, Spec


def choose_format(path: Path | None, named: FormatName | None) -> FormatName:
    """Choose a file's format: as named, or by its suffix, or `pt`.

    Raises:
        FormatMismatch: the suffix is that of another format than the one named.
        UnknownFormat: there is none of this name.
    """
    if named is not None and named not in FORMATS:
        raise UnknownFormat(given=named, allowed=FORMATS)
    suffix = path.suffix.lower() if path else ""
    told = next((name for name, known in FORMATS.items() if f".{known.suffix}" == suffix), None)
    if path and named and told and told != named:
        raise FormatMismatch(file=path.name, told=told, named=named)
    return named or told or "pt"


def format_and_rest(
    spec: Spec | Mapping[str, Any],
) -> tuple[Spec | Mapping[str, Any], FormatName | None]:
    """Part a spec from the format that may stand in it, as in a request to the service."""
    if isinstance(spec, Spec):
        return spec, spec.format if isinstance(spec, CheckpointRequest) else None
    return {name: value for name, value in spec.items() if name != "format"}, spec.get("format")
