"""Turns arrays in memory, or local files, into uploads."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from stepzero_rnn.arrays.records import Upload, field_error
from stepzero_rnn.errors import InvalidArrays

AnyInputs = str | PathLike[str] | Any  # an `.npy` file, or an array
AnyArrays = Mapping[str, Any] | Sequence[str | PathLike[str]]


def as_uploads(arrays: AnyArrays, folder: Path) -> list[Upload]:
    """Return paths as uploads; write arrays by name into a file in `folder` first.

    Args:
        arrays: anything NumPy can convert, including torch tensors, by name; or paths.

    Raises:
        InvalidArrays: a value is masked, or NumPy cannot convert it to an array of numbers.
    """
    if not isinstance(arrays, Mapping):
        return [Upload(Path(path).name, Path(path)) for path in arrays]
    saved = folder / "arrays.npz"
    with zipfile.ZipFile(saved, "x") as file:
        for name, values in arrays.items():
            with file.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, _array(name, values), allow_pickle=False)
    return [Upload("arrays", saved)]  # named after the argument, since there is no file


def inputs_file(inputs: AnyInputs, folder: Path) -> Path:
    """Return inputs as an `.npy` file; an array is written into `folder`.

    Raises:
        InvalidArrays: it is masked, or NumPy cannot convert it to an array of numbers.
    """
    if isinstance(inputs, str | PathLike):
        return Path(inputs)
    saved = folder / "inputs.npy"
    np.save(saved, _array("inputs", inputs), allow_pickle=False)
    return saved


def _array(name: str, values: Any) -> np.ndarray[Any, Any]:
    if isinstance(values, np.ma.MaskedArray):
        detail = (
            "it is a masked array, and array files have no masks; pass .filled(0) if the masked "
            "elements are zero"
        )
        raise InvalidArrays([field_error("not_floats", detail, file="arrays", name=name)])
    if hasattr(values, "detach"):  # torch's tensors; NumPy has no bfloat16, but float32 holds it
        values = values.detach().cpu()
        values = values.float() if str(values.dtype) == "torch.bfloat16" else values
    try:
        array = np.asarray(values)
    except (TypeError, ValueError):  # ragged rows
        array = np.array(None)
    if array.dtype.hasobject:
        detail = "it cannot be converted to an array of numbers"
        raise InvalidArrays([field_error("not_floats", detail, file="arrays", name=name)])
    # JAX's arrays of bfloat16 become those of ml_dtypes, which NumPy would save as raw bytes.
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array
