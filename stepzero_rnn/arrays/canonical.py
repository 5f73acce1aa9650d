"""The canonical file of arrays: one form for all input formats, so that its sha256 identifies the
arrays.

It is what `safetensors.numpy.save_file` writes for the arrays under PyTorch's names, so anyone can
compute the hash.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from io import BufferedReader
from pathlib import Path
from stat import S_ISREG
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stepzero_rnn.arrays.readers import safetensors
from stepzero_rnn.arrays.readers.files import as_upload_errors
from stepzero_rnn.arrays.readers.values import as_floats
from stepzero_rnn.arrays.records import ArrayEntry, ReadLimits
from stepzero_rnn.errors import StoreUnavailable


class Stored:
    """An open canonical file: a context manager with random access to the elements of its arrays.

    Once open, it can be read even if the file is removed.
    """

    def __init__(self, path: Path) -> None:
        self._file = open_regular(path)
        try:
            size = os.fstat(self._file.fileno()).st_size
            ours = ReadLimits(arrays=size, header_bytes=size)  # our own files need no limits
            with as_upload_errors(path.name):
                tensors = safetensors.read_header(self._file, size, ours)
        except BaseException:
            self._file.close()
            raise
        self._tensors = {tensor.name: tensor for tensor in tensors}
        self.entries: Mapping[str, ArrayEntry] = {
            t.name: ArrayEntry(t.name, t.values.dtype, t.shape) for t in tensors
        }

    def read(self, name: str, first: int, last: int) -> NDArray[Any]:
        """Return elements `first` to `last` (exclusive) of an array, in row-major order.

        Thread-safe.

        Returns:
            The exact values, as float32 or, if the array has that type, float64.

        Raises:
            EOFError, StoreUnavailable: the file is too short, or its disk fails.
        """
        tensor = self._tensors[name]
        item_bytes = tensor.values.item_bytes
        size, place = (last - first) * item_bytes, tensor.offset + first * item_bytes
        try:
            content = os.pread(
                self._file.fileno(), size, place
            )  # has no shared position, unlike read
        except OSError as error:
            reason = f"a file cannot be read ({error.strerror})"
            raise StoreUnavailable(reason=reason) from error
        if len(content) < size:
            raise EOFError("the file ends before its last element")
        return as_floats(np.frombuffer(content, tensor.values.numpy), tensor.values.dtype)

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading; never blocks on a pipe.

    Raises:
        OSError: the file does not exist, is not a regular file, or cannot be opened.
    """
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    if not S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "not a regular file")
    return file


def open_stored(path: Path) -> Stored:
    """Open a canonical file.

    Raises:
        InvalidArrays: it is corrupt.
        OSError: it does not exist, or cannot be opened.
    """
    return Stored(path)
