"""What a file is made of: a sequence of segments, each of a size that the plan alone fixes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from stepzero_rnn.plan import TensorPlan


class DeferredValues(Protocol):
    """What only drawing teaches.  Each answer may cost a pass over the weights, so ask late."""

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
        """How many bytes it has."""
        return len(self.data)


@dataclass(frozen=True, slots=True)
class TensorData:
    """All elements of one tensor, contiguous, row by row, little-endian."""

    tensor: TensorPlan

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self.tensor.size_bytes


@dataclass(frozen=True, slots=True)
class Deferred:
    """Bytes that depend on what drawing teaches; `render` gives exactly `size` of them."""

    size: int
    render: Callable[[DeferredValues], bytes]


Segment = Literal | TensorData | Deferred


def size_of(segments: Iterable[Segment]) -> int:
    """Return the bytes of all segments together."""
    return sum(segment.size for segment in segments)


def is_frame_of(file: BinaryIO, segments: Iterable[Segment]) -> bool:
    """Whether a file has all the bytes that the plan alone fixes, the recipe among them, and ends
    where it should.

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
    """Join neighbouring literals, so that a file has few segments."""
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
