"""The canonical file of arrays: one form for whatever they came in, so that its sha256 is their
address.

It is what `safetensors.numpy.save_file` writes for the arrays under PyTorch's names, so anybody can
compute the address.
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
from stepzero_rnn.arrays.records import Bounds, Entry
from stepzero_rnn.errors import StoreUnavailable


class Stored:
    """A canonical file, opened: any elements of its arrays, read without the others.

    A reading that has begun is safe from the file's removal, since the file stays open; use it as a
    context.
    """

    def __init__(self, path: Path) -> None:
        self._file = open_regular(path)
        try:
            size = os.fstat(self._file.fileno()).st_size
            ours = Bounds(arrays=size, header_bytes=size)  # whatever was written is read
            with as_upload_errors(path.name):
                tensors = safetensors.read_header(self._file, size, ours)
        except BaseException:
            self._file.close()
            raise
        self._tensors = {tensor.name: tensor for tensor in tensors}
        self.entries: Mapping[str, Entry] = {
            t.name: Entry(t.name, t.values.dtype, t.shape) for t in tensors
        }

    def read(self, name: str, first: int, last: int) -> NDArray[Any]:
        """Return elements `first` to `last`, less the last, of an array, counted row by row; from
        any thread.

        Returns:
            float32 or, where the array is of them, float64; the values exactly.

        Raises:
            EOFError, StoreUnavailable: the file ends before, or its disk fails.
        """
        tensor = self._tensors[name]
        item_bytes = tensor.values.item_bytes
        size, place = (last - first) * item_bytes, tensor.offset + first * item_bytes
        try:
            content = os.pread(self._file.fileno(), size, place)  # a place of each thread's own
        except OSError as error:
            reason = f"a file of it cannot be read ({error.strerror})"
            raise StoreUnavailable(reason=reason) from error
        if len(content) < size:
            raise EOFError("the file ends before its last element")
        return as_floats(np.frombuffer(content, tensor.values.numpy), tensor.values.dtype)

    def close(self) -> None:
        """Close the file."""
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
    """Open a file for reading; anything else is refused, and a pipe is not waited for.

    Raises:
        OSError: it is not there, is no regular file, or cannot be opened.
    """
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    if not S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is no regular file")
    return file


def open_stored(path: Path) -> Stored:
    """Open a canonical file.

    Raises:
        InvalidArrays: it is broken.
        OSError: it is not there, or cannot be opened.
    """
    return Stored(path)
