"""The last step of drawing: a single rounding from float32 or float64 to the checkpoint's dtype."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stepzero_rnn.dtypes import DType
from stepzero_rnn.engine.words.kernels import float32_bits, kernel

i32, u16, u32 = np.int32, np.uint16, np.uint32
LARGEST = float(np.finfo(np.float32).max)
Float32s = NDArray[np.float32]


def single(value: float) -> np.float32:
    """Round a scalar to float32; values beyond its range become infinite."""
    if abs(value) <= LARGEST:
        return np.float32(value)
    with np.errstate(over="ignore"):
        return np.float32(value)


def store(values: NDArray[Any], out: NDArray[Any], dtype: DType) -> None:
    """Round `values` (float32 or float64) to nearest, ties to even, into `out` of the same shape.

    bfloat16 is represented by its bits in uint16.  Float64 is first rounded to float32 to odd when
    the result has 16 bits; this preserves what the second rounding needs, so both are equivalent to
    a single rounding.
    """
    if dtype.item_bytes == 2 and values.dtype == np.float64:
        values = round_to_odd(values)
    if dtype.name == "bfloat16":
        out[...] = bfloat16_bits(values)
        return
    with np.errstate(over="ignore", under="ignore"):
        out[...] = values


def load(stored: NDArray[Any], dtype: DType) -> NDArray[Any]:
    """Return the values of stored elements as float32 (float64 for float64)."""
    if dtype.name == "bfloat16":
        return (stored.astype(u32) << u32(16)).view(np.float32)
    return stored.astype(np.float32) if dtype.name == "float16" else stored


def bfloat16_bits(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Round float32 to the bits of bfloat16."""
    flat = np.ascontiguousarray(values).reshape(-1)
    bits = np.empty(flat.shape, u16)
    _bfloat16(flat, bits)
    return bits.reshape(values.shape)


def round_to_odd(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Round float64 to float32 so that an inexact result has an odd last bit (Boldo & Melquiond
    2008).
    """
    flat = np.ascontiguousarray(values).reshape(-1)
    with np.errstate(over="ignore", under="ignore"):
        nearest = flat.astype(np.float32)
    _to_odd(flat, nearest, nearest.view(u32))
    return nearest.reshape(values.shape)


@kernel
def _bfloat16(values, out):
    for i in range(values.shape[0]):
        bits = u32(float32_bits(values[i]))
        rounded = (bits + u32(0x7FFF) + ((bits >> u32(16)) & u32(1))) >> u32(16)
        quiet = (bits >> u32(16)) | u32(0x40)
        is_nan = (bits & u32(0x7FFFFFFF)) > u32(0x7F800000)
        out[i] = u16(quiet if is_nan else rounded)


@kernel
def _to_odd(values, nearest, bits):
    for i in range(values.shape[0]):
        exact, near = values[i], np.float64(nearest[i])
        if near != exact and exact == exact:
            toward_zero = bits[i] - u32(1) if abs(near) > abs(exact) else bits[i]
            bits[i] = toward_zero | u32(1)
