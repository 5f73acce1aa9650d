"""The parts of a file: a sequence of segments, whose sizes follow from the plan alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from stepzero_rnn.plan import TensorPlan


class DeferredValues(Protocol):
    """Values known only after drawing.  Each may cost a pass over the weights, so ask late."""

    def crc32(self, tensor: TensorPlan) -> int:
        """Return the CRC-32 of a tensor's bytes."""
        ...

    def summary(self) -> bytes:
        """Return the weight summary in exactly `stepzero_rnn.summary.room_bytes(plan)` bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Literal:
    """Bytes known from the plan."""

    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)


@dataclass(frozen=True, slots=True)
class TensorData:
    """All elements of one tensor, contiguous, row by row, little-endian."""

    tensor: TensorPlan

    @property
    def size(self) -> int:
        return self.tensor.size_bytes


@dataclass(frozen=True, slots=True)
class Deferred:
    """Bytes known only after drawing; `render` returns exactly `size` of them."""

    size: int
    render: Callable[[DeferredValues], bytes]


Segment = Literal | TensorData | Deferred


def size_of(segments: Iterable[Segment]) -> int:
    """Return the total size of segments in bytes."""
    return sum(segment.size for segment in segments)


def is_frame_of(file: BinaryIO, segments: Iterable[Segment]) -> bool:
    """Return True if a file has the expected length and all bytes that follow from the plan,
    including the recipe.

    The weights are not read.
    """
    for segment in segments:
        if isinstance(segment, Literal):
            if file.read(segment.size) != segment.data:
                return False
        else:
            file.seek(segment.size, os.SEEK_CUR)
    return file.tell() == file.seek(0, os.SEEK_END)


def merge(segments: Iterable[Segment]) -> Iterator[Segment]:
    """Join adjacent literals, so that a file has few segments."""
    run: list[bytes] = []
    for segment in segments:
        if isinstance(segment, Literal):
            run.append(segment.data)
            continue
        if run:
            yield Literal(b"".join(run))
            run = []
        yield segment
    if run:
        yield Literal(b"".join(run))
