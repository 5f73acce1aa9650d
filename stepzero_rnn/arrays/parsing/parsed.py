"""What a parser finds in a file, and how it refuses one.

This module, the parsers and `child` import nothing else of the library, since they run in a child
process, whose start would take a second longer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod

MAX_AXES = 8
MAX_LENGTH = 1 << 48
ITEM_BYTES = {"F16": 2, "BF16": 2, "F32": 4, "F64": 8}  # the names of `.safetensors`
UNREAD = "OTHER"  # no type of `.safetensors`: such an array has no values


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on what a parser reads and writes.

    `room_bytes` is the space that was claimed for the values, `total_bytes` the most that may be.
    """

    arrays: int
    total_bytes: int
    room_bytes: int


@dataclass(frozen=True, slots=True)
class Fault:
    """Why PyTorch cannot use an array that is not itself corrupt."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """An array: its type, by its name in `.safetensors`, and its values, little-endian and row by
    row.

    The values of other types than floats, or of arrays with a fault, are left out.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    content: Callable[[], Iterator[bytes]]
    fault: Fault | None = None

    @property
    def size_bytes(self) -> int:
        """The number of bytes that are written."""
        if self.fault or self.dtype not in ITEM_BYTES:
            return 0
        return prod(self.shape) * ITEM_BYTES[self.dtype]


class Refused(Exception):
    """The file is not read."""

    def __init__(self, detail: str, name: str | None = None) -> None:
        super().__init__(detail)
        self.detail, self.name = detail, name


class Exceeded(Exception):
    """The file exceeds a limit."""

    def __init__(self, what: str, given: int, limit: int) -> None:
        super().__init__(what)
        self.what, self.given, self.limit = what, given, limit


def require(what: str, given: int, limit: int) -> None:
    """Raise Exceeded if `given` is above `limit`."""
    if given > limit:
        raise Exceeded(what, given, limit)


def check_shape(lengths: tuple[int, ...], name: str) -> tuple[int, ...]:
    """Refuse shapes that are too large, so that their product is cheap to compute."""
    if len(lengths) > MAX_AXES or any(not 0 <= length <= MAX_LENGTH for length in lengths):
        raise Refused("its shape is too large", name)
    return lengths
