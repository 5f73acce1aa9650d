"""The inputs and outputs of this package."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from stepzero_rnn.dtypes import DTypeName
from stepzero_rnn.errors import FieldError, InvalidArrays
from stepzero_rnn.spec.arrays import LayoutName

_SHOWN_CHARS = 200


class ArrayFault(NamedTuple):
    """Why an array of a file cannot be used, although the file is intact."""

    name: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Upload:
    """An uploaded file: its original name, which is never used as a path, and its location.

    `faults` are those that a parser found, if the file is what it wrote.
    """

    name: str
    path: Path
    faults: tuple[ArrayFault, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read arrays: in which layout, whether all are required, whether they may be from a
    smaller network.

    With a `prefix`, only names that begin with it are used, and the prefix is dropped.
    """

    layout: LayoutName = "pytorch"
    strict: bool = False
    grow: bool = False
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Limits on what is read and written.

    `total_bytes` applies to the files, and again to their unpacked contents; `kept_bytes` to the
    canonical file.  The others apply to files that are parsed in a child process: their number, the
    size of one in ONNX, which is held in memory, and the process's memory, besides the file, and
    processor time.
    """

    files: int = 1024
    arrays: int = 16_384
    total_bytes: int = 4 << 30
    header_bytes: int = 2 << 20
    kept_bytes: int = 1 << 62
    parsed_files: int = 16
    onnx_bytes: int = 512 << 20
    child_bytes: int = 512 << 20
    child_cpu_s: int = 60


@dataclass(frozen=True, slots=True)
class Watch:
    """Callbacks while arrays are read: `claim` before a further number of bytes is written, and
    `go_on` before every chunk; either may raise.
    """

    claim: Callable[[int], object] = lambda _: None
    go_on: Callable[[], object] = lambda: None


@dataclass(frozen=True, slots=True)
class ArrayEntry:
    """An array of the canonical file, under PyTorch's name; `weight_ih_l0.forget` for one gate."""

    name: str
    dtype: DTypeName
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes of the network the arrays come from; None if no array implies one."""

    input_size: int | None
    hidden_size: int | None
    proj_size: int | None
    num_layers: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was stored: the sha256 of the canonical file, its length, its entries, and the sizes of
    their network.

    `prefix` is the common prefix of all names, which the entries' names omit.
    """

    sha256: str
    size_bytes: int
    entries: tuple[ArrayEntry, ...]
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
    """Return an error of a file, or of an array in it, at the pointer `/files/<file>/<name>`."""
    steps = ("files", file) if name is None else ("files", file, name)
    pointer = "".join("/" + printable(s).replace("~", "~0").replace("/", "~1") for s in steps)
    return FieldError(pointer, code, detail, given, allowed)


class FormatError(Exception):
    """A file's bytes are invalid; raised by a reader, which does not know the file's name."""

    def __init__(
        self, detail: str, *, name: str | None = None, code: str = "broken_file", **facts: Any
    ) -> None:
        super().__init__(detail)
        self.detail, self.name, self.code, self.facts = detail, name, code, facts


class LimitExceeded(Exception):
    """A file exceeds a limit; raised by a reader."""

    def __init__(self, what: str, given: int, limit: int) -> None:
        super().__init__(f"{given} {what}")
        self.what, self.given, self.limit = what, given, limit


def require(what: str, given: int, limit: int) -> None:
    """Raise LimitExceeded if `given` is above `limit`."""
    if given > limit:
        raise LimitExceeded(what, given, limit)


def refuse(faults: Sequence[FieldError]) -> None:
    """Raise InvalidArrays if there are faults; only the first ones are listed."""
    if faults:
        raise InvalidArrays(faults)


def printable(text: str) -> str:
    """Return a foreign name for a message: truncated, and without control characters."""
    cut = text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…"
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in cut)
