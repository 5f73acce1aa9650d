"""Elements are read in any order of axes, in pieces, and with few reads."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stepzero_rnn.arrays.readers.values import CHUNK_BYTES, Strided, Values, stream

FLOATS = Values("float32", ">f4")


def streamed(
    folder: Path, array: NDArray[Any], part: Strided, chunk_bytes: int = CHUNK_BYTES
) -> NDArray[Any]:
    """Write an array behind some other bytes, and stream a part of it."""
    path = folder / "array"
    path.write_bytes(b"before" + array.tobytes("A"))
    with path.open("rb") as file:
        found = [*stream(file, 6, FLOATS, part, folder, chunk_bytes)]
    assert all(piece.nbytes <= chunk_bytes for piece in found)
    return np.concatenate([piece.ravel() for piece in found]).reshape(part.shape)


@settings(deadline=None)
@given(data=st.data(), chunk_bytes=st.sampled_from([4, 12, 16, 64, 256, CHUNK_BYTES]))
def test_a_view_is_what_numpy_calls_it(tmp_path_factory, data, chunk_bytes):
    shape = tuple(data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=3)))
    order: Any = data.draw(st.sampled_from("CF"))
    array = np.arange(np.prod(shape), dtype=">f4").reshape(shape).copy(order)
    view, part = array, Strided.whole(shape, fortran=order == "F")
    if len(shape) == 3:
        index = data.draw(st.integers(0, shape[0] - 1))
        view, part = view[index], part.at(index)
    if data.draw(st.booleans()):
        view, part = view.T, part.transposed()
    first = data.draw(st.integers(0, view.shape[0] - 1))
    view, part = view[first:], part.rows(first, view.shape[0])

    found = streamed(tmp_path_factory.getbasetemp(), array, part, chunk_bytes)

    assert found.tolist() == view.tolist()


SHAPES = [(1024, 1024), (1, 1 << 20), (1 << 20, 1), (4, 1 << 18), (1 << 18, 4), (3, 1 << 18)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("fortran", [False, True])
def test_no_array_takes_many_reads_and_writes(tmp_path, shape, fortran):
    array = np.zeros(shape, ">f4")
    calls = 0

    def count(frame: Any, event: str, called: Any) -> None:
        nonlocal calls
        calls += event == "c_call" and called in (os.pread, os.pwrite)

    sys.setprofile(count)
    try:
        streamed(tmp_path, array, Strided.whole(shape, fortran=fortran), 1 << 18)
    finally:
        sys.setprofile(None)

    assert calls < 17_000  # 16 chunks of 256² each: two calls a line at most, two passes


def test_a_file_that_has_become_shorter_is_an_error_of_its_own(tmp_path):
    with pytest.raises(EOFError):
        streamed(tmp_path, np.zeros(9, ">f4"), Strided.whole((10,)))
