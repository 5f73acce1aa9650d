"""Compilation of kernels: by numba, releasing the interpreter lock, cached on disk if possible.

Neither fast-math nor contraction is used: every +, −, ×, ÷ and √ is rounded once, so all machines
that follow IEEE 754 compute the same bits.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core.caching import FunctionCache
from numba.extending import intrinsic

inline = njit(inline="always")
_log = logging.getLogger("stepzero")


class _Cache(FunctionCache):
    """The cache on disk; if it cannot be used, kernels are compiled in every process."""

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
        except OSError as error:
            _log.warning("cannot write a compiled kernel to the cache: %s", error.strerror)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except (OSError, EOFError) as error:
            _log.warning("cannot read a compiled kernel from the cache: %s", error)
            return None


def kernel(function: Callable[..., None]) -> Any:
    """Compile a function that fills arrays; it runs on one thread and releases the interpreter
    lock.
    """
    compiled = njit(nogil=True, error_model="numpy", boundscheck=False)(function)
    try:
        # Like `enable_caching`, which uses numba's own class.
        compiled._cache = _Cache(function)  # type: ignore[attr-defined,no-untyped-call]  # noqa: SLF001
    except RuntimeError:  # no writable folder for the cache: compile in every process
        return compiled
    return compiled


def _float32_bits(typing_context: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.IntType(32))

    return types.int32(types.float32), generate


def _bits_float32(typing_context: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.FloatType())

    return types.float32(types.int32), generate


float32_bits: Any = intrinsic(_float32_bits)  # in a kernel: the bits of a float32, as an int32
bits_float32: Any = intrinsic(_bits_float32)  # in a kernel: the float32 of an int32's bits
