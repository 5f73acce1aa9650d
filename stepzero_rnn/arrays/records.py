"""What goes into this room and what comes out of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepzero_rnn.dtypes import DTypeName
from stepzero_rnn.errors import FieldError, InvalidArrays
from stepzero_rnn.spec.arrays import LayoutName

_SHOWN_CHARS = 200


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came: the name its sender gave it, which is never used as a path, and where its
    bytes lie.
    """

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Options:
    """How arrays are given: whose layout, whether all must be there, whether they may be of a
    smaller network.

    Where there is a `prefix`, only names that begin with it count, and they do without it.
    """

    layout: LayoutName = "pytorch"
    strict: bool = False
    grow: bool = False
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is read at all, and written.

    `total_bytes` holds for the files, and again for what they unpack to; `kept_bytes` for the
    canonical file.
    """

    files: int = 1024
    arrays: int = 16_384
    total_bytes: int = 4 << 30
    header_bytes: int = 2 << 20
    kept_bytes: int = 1 << 62


@dataclass(frozen=True, slots=True)
class Watch:
    """What is asked while arrays are read: for room, before so many bytes are written, and whether
    to go on; either may raise.
    """

    claim: Callable[[int], object] = lambda _: None
    go_on: Callable[[], object] = lambda: None


@dataclass(frozen=True, slots=True)
class Entry:
    """An array of the canonical file: under PyTorch's name, or `weight_ih_l0.forget` where one gate
    is given.
    """

    name: str
    dtype: DTypeName
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sizes:
    """The network that the arrays are of; None where no array tells."""

    input_size: int | None
    hidden_size: int | None
    proj_size: int | None
    num_layers: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was kept: the sha256 of the canonical file, its length, its entries, and the network
    they are of.

    `prefix` is what all names began with, and is left out of the entries' names.
    """

    sha256: str
    size_bytes: int
    entries: tuple[Entry, ...]
    sizes: Sizes
    prefix: str = ""


def field_error(
    code: str,
    detail: str,
    *,
    file: str,
    name: str | None = None,
    given: Any = None,
    allowed: Any = None,
) -> FieldError:
    """Say what is wrong with a file, or with an array in it, at the pointer
    `/files/<file>/<name>`.
    """
    steps = ("files", file) if name is None else ("files", file, name)
    pointer = "".join("/" + printable(s).replace("~", "~0").replace("/", "~1") for s in steps)
    return FieldError(pointer, code, detail, given, allowed)


class FormatError(Exception):
    """What is wrong with a file's bytes, told by a reader, which knows no file's name."""

    def __init__(
        self, detail: str, *, name: str | None = None, code: str = "broken_file", **facts: Any
    ) -> None:
        super().__init__(detail)
        self.detail, self.name, self.code, self.facts = detail, name, code, facts


class LimitExceeded(Exception):
    """What there is too much of in a file, told by a reader."""

    def __init__(self, what: str, given: int, limit: int) -> None:
        super().__init__(f"{given} {what}")
        self.what, self.given, self.limit = what, given, limit


def require(what: str, given: int, limit: int) -> None:
    """Refuse more than a limit."""
    if given > limit:
        raise LimitExceeded(what, given, limit)


def refuse(faults: Sequence[FieldError]) -> None:
    """Refuse, if there are faults; the first of many are listed."""
    if faults:
        raise InvalidArrays(faults)


def printable(text: str) -> str:
    """Repeat a foreign name: cut to a readable length, without what could steer a terminal."""
    cut = text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…"
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in cut)
