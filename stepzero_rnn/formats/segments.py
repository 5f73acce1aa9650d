"""The parts of a file: a sequence of segments, whose sizes follow from the plan alone.

Elements are little-endian, and the formats of other libraries hold them in other orders: some rows
of a tensor, the sum of two, or a transpose.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO, Protocol, Self

from stepzero_rnn.plan import TensorPlan


class DeferredValues(Protocol):
    """Values known only after drawing.  Each may cost a pass over the weights, so ask late."""

    def crc32(self, data: Data) -> int:
        """Return the CRC-32 of a segment's bytes."""
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
class Zeros:
    """So many bytes that are 0."""

    size: int


@dataclass(frozen=True, slots=True)
class _Elements:
    """Elements first … last of something with a tensor's dtype; all of them by default."""

    tensor: TensorPlan
    first: int = 0
    last: int = -1

    def __post_init__(self) -> None:
        if self.last < 0:
            object.__setattr__(self, "last", self.total)

    @property
    def total(self) -> int:
        """How many elements there are."""
        return self.tensor.elements

    @property
    def elements(self) -> int:
        return self.last - self.first

    @property
    def size(self) -> int:
        return self.elements * self.tensor.dtype.item_bytes

    def part(self, first: int, last: int) -> Self:
        """Return elements first … last of these."""
        return replace(self, first=self.first + first, last=self.first + last)


@dataclass(frozen=True, slots=True)
class TensorData(_Elements):
    """Elements of a tensor, row by row."""

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole tensor."""
        return self.elements == self.total


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum(_Elements):
    """Elements of a tensor, each added to that of another and rounded once."""

    other: TensorPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Transposed(_Elements):
    """The transposes of some gates of a tensor, side by side: (columns, gates · rows of a gate).

    `gates` are their places in the tensor, in the order of the file.  Whoever draws a part of it
    needs these gates whole.
    """

    gates: tuple[int, ...]

    @property
    def total(self) -> int:
        return self.tensor.gate_elements * len(self.gates)


@dataclass(frozen=True, slots=True)
class Deferred:
    """Bytes known only after drawing; `render` returns exactly `size` of them."""

    size: int
    render: Callable[[DeferredValues], bytes]


Data = TensorData | Sum | Transposed
Segment = Literal | Zeros | Data | Deferred


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
