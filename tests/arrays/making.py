"""Makes arrays, writes them into files as their users do, and reads them as the service does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from stepzero_rnn.arrays.canonical import open_stored
from stepzero_rnn.arrays.ingest import ingest
from stepzero_rnn.arrays.records import Manifest, ReadLimits, ReadOptions, Upload
from stepzero_rnn.errors import FieldError, InvalidArrays
from stepzero_rnn.plan import plan
from stepzero_rnn.spec.checkpoint import Spec

Arrays = Mapping[str, NDArray[Any]]

SIZES: dict[str, Any] = {"input_size": 3, "hidden_size": 5}
KINDS: dict[str, dict[str, Any]] = {
    "rnn": {"rnn_type": "rnn"},
    "gru": {"rnn_type": "gru"},
    "lstm": {"rnn_type": "lstm"},
    "projected": {"rnn_type": "lstm", "proj_size": 2},
}
DEEP: dict[str, Any] = {"num_layers": 2, "bidirectional": True}


def network(kind: str = "lstm", **fields: Any) -> Spec:
    """Describe a small network."""
    return Spec(**{**SIZES, **KINDS[kind], **fields})


def weights(spec: Spec, kind: str = "<f4") -> dict[str, NDArray[Any]]:
    """Make arrays for all parameters of a network, under PyTorch's names."""
    generator = np.random.default_rng(7)
    return {
        tensor.name: generator.standard_normal(tensor.shape).astype(kind)
        for tensor in plan(spec).tensors
    }


def saved(folder: Path, arrays: Arrays, kind: str = "npz") -> list[Upload]:
    """Write arrays by the library of a kind of file."""
    folder.mkdir(exist_ok=True)
    path = folder / f"weights.{kind}"
    match kind:
        case "npz":
            np.savez(path, **arrays)  # type: ignore[arg-type]  # names are ours
        case "packed.npz":
            np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
        case "safetensors":
            save_file({name: np.ascontiguousarray(a) for name, a in arrays.items()}, path)
        case _:
            return [_npy(folder, name, array) for name, array in arrays.items()]
    return [Upload(path.name, path)]


def _npy(folder: Path, name: str, array: NDArray[Any]) -> Upload:
    path = folder / f"{name.replace('/', '+')}.npy"
    np.save(path, array)
    return Upload(f"{name}.npy", path)


def written(folder: Path, content: bytes, name: str = "weights.npz") -> list[Upload]:
    """Write a file's bytes."""
    path = folder / "upload"
    path.write_bytes(content)
    return [Upload(name, path)]


def taken(
    folder: Path,
    uploads: list[Upload],
    spec: Spec,
    bounds: ReadLimits | None = None,
    **options: Any,
) -> Manifest:
    """Ingest files into `stored` in a folder."""
    return ingest(uploads, folder / "stored", spec, ReadOptions(**options), bounds or ReadLimits())


def kept(folder: Path) -> dict[str, NDArray[Any]]:
    """Read all of the canonical file."""
    with open_stored(folder / "stored") as stored:
        return {
            name: stored.read(name, 0, int(np.prod(entry.shape))).reshape(entry.shape)
            for name, entry in stored.entries.items()
        }


def refusals(folder: Path, uploads: list[Upload], spec: Spec, **options: Any) -> list[FieldError]:
    """Return what is said of files that do not fit."""
    try:
        taken(folder, uploads, spec, **options)
    except InvalidArrays as error:
        return [FieldError(**fields) for fields in error.facts["errors"]]
    raise AssertionError("the arrays were taken")
