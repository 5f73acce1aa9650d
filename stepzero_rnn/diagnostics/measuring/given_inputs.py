"""Inputs of the caller's own, (seq_len, sequences, input_size): an array, or an `.npy` file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stepzero_rnn.arrays.readers.npy import MAGIC, MAX_HEADER_BYTES, Header, read_header
from stepzero_rnn.arrays.records import FormatError
from stepzero_rnn.diagnostics.options import LEVELS, MAX_SEQ_LEN
from stepzero_rnn.errors import FieldError, InvalidArrays
from stepzero_rnn.spec.checkpoint import Spec

MAX_SEQUENCES = max(level.echo_sequences for level in LEVELS.values())  # more are not used


def read_inputs(path: Path, spec: Spec) -> Tensor:
    """Read the inputs from an `.npy` file.

    Raises:
        InvalidArrays: the file is not an `.npy` file of floats, or as `as_inputs`.
    """
    with path.open("rb") as file:
        head = file.read(MAX_HEADER_BYTES + 12)
    if not head.startswith(MAGIC):
        raise _refused("not_npy", "the file is not an .npy file; write it with numpy.save")
    try:
        header = read_header(head)
    except FormatError as error:
        raise _refused(error.code, error.detail) from error
    if wrong := header.error_in_format:
        raise _refused(wrong.code, wrong.detail, **wrong.facts)
    if path.stat().st_size != header.end:
        raise _refused("broken_file", "its length does not match its header")
    _require_shape(header.shape, spec)
    return as_inputs(_mapped(path, header), spec)


def _mapped(path: Path, header: Header) -> NDArray[Any]:
    order: Literal["C", "F"] = "F" if header.fortran else "C"
    kind = np.dtype(header.values.numpy)
    return np.memmap(path, kind, "r", header.offset, header.shape, order)


def as_inputs(values: NDArray[Any], spec: Spec) -> Tensor:
    """Return inputs as float32, at most `MAX_SEQUENCES` sequences of them.

    Raises:
        InvalidArrays: the shape does not fit the network, or values are not finite.
    """
    _require_shape(values.shape, spec)
    if values.dtype.kind != "f":
        raise _refused("not_floats", "the inputs are not floats", given=values.dtype.name)
    with np.errstate(over="ignore"):
        used = np.ascontiguousarray(values[:, :MAX_SEQUENCES]).astype(np.float32)
    if not np.isfinite(used).all():
        detail = "the inputs have values that are infinite, NaN, or beyond the range of float32"
        raise _refused("not_finite", detail)
    return torch.from_numpy(used)


def _require_shape(shape: tuple[int, ...], spec: Spec) -> None:
    allowed = f"(seq_len, sequences, {spec.input_size})"
    if len(shape) != 3 or shape[2] != spec.input_size:
        detail = f"the inputs must have the shape {allowed}"
        raise _refused("wrong_shape", detail, given=list(shape), allowed=allowed)
    if not 1 <= shape[0] <= MAX_SEQ_LEN:
        detail = f"the inputs have {shape[0]} time steps"
        raise _refused("wrong_seq_len", detail, given=shape[0], allowed=f"1 to {MAX_SEQ_LEN}")
    if not shape[1]:
        raise _refused("no_sequences", "the inputs have no sequences", given=0)


def _refused(code: str, detail: str, **facts: Any) -> InvalidArrays:
    return InvalidArrays([FieldError("/inputs", code, detail, **facts)])
