"""Reads files of `torch.save` on the caller's own machine; a server never does."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import torch

from stepzero_rnn.arrays.saving import AnyArrays
from stepzero_rnn.errors import NotAnArrayFile
from stepzero_rnn.formats.origin import KEY, spec_of_recipe
from stepzero_rnn.spec.checkpoint import Spec

SUFFIXES = frozenset({".pt", ".pth", ".bin", ".ckpt"})
# What torch.load raises for files that are no checkpoints.
_BROKEN = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
WRAPPED = ("state_dict", "model_state_dict", "model")  # where training scripts keep it


class Loaded(NamedTuple):
    """Arrays by name, or paths of files; and the recipe that comes with them."""

    arrays: AnyArrays
    recipe: Spec | None = None


def loaded(arrays: AnyArrays) -> Loaded:
    """Return the tensors of a single `.pt` file, and anything else unchanged.

    Raises:
        NotAnArrayFile: it is not a `state_dict` that `torch.load(weights_only=True)` reads.
    """
    if isinstance(arrays, Mapping):
        return Loaded(arrays, _recipe(arrays))
    if len(arrays) != 1 or Path(arrays[0]).suffix not in SUFFIXES:
        return Loaded(arrays)
    found = _load(arrays)
    return Loaded({name: t for name, t in found.items() if _is_dense(t)}, _recipe(found))


def _load(paths: Sequence[str | PathLike[str]]) -> Mapping[str, Any]:
    path = Path(paths[0])
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except _BROKEN as error:
        raise NotAnArrayFile(
            file=path.name,
            kind="not a file that torch.load(weights_only=True) reads",
            instead="Save it with torch.save(model.state_dict(), 'model.pt').",
        ) from error
    for key in WRAPPED:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
    if not isinstance(found, Mapping) or not any(map(_is_dense, found.values())):
        raise NotAnArrayFile(
            file=path.name,
            kind="a file without a state_dict",
            instead="Save it with torch.save(model.state_dict(), 'model.pt').",
        )
    return {str(name): value for name, value in found.items()} if not _origin(found) else found


def _is_dense(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.layout == torch.strided


def _recipe(found: Any) -> Spec | None:
    origin = _origin(found)
    return spec_of_recipe(origin.get("recipe"), origin.get("version")) if origin else None


def _origin(found: Any) -> Mapping[str, Any] | None:
    """Return the record that our `.pt` files have beside torch's own versions."""
    metadata = getattr(found, "_metadata", None)
    origin = metadata.get(KEY) if isinstance(metadata, Mapping) else None
    return origin if isinstance(origin, Mapping) else None
