"""Which files of the store go when room is needed, and whose they are.

Beside `HASH.safetensors` lies `HASH.caller`, with a hash of the name of who kept it last.  Room for
a caller is made where most is taken: by whoever has the most, of that what has not been used for
longest.  So a caller who uploads a lot puts out its own arrays as soon as it has more than anybody
else; processes share the folder and need no count beside it.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

SUFFIX = ".safetensors"
ANYBODY = ""  # this machine's own user, or whoever keeps arrays that a bucket has too: the oldest go, whose they may be
_OWNER = ".caller"
_OWNER_CHARS = 16


@dataclass(frozen=True, slots=True)
class _Kept:
    """A file of the store."""

    path: Path
    size_bytes: int
    used_ns: int


def sign(file: Path, caller: str) -> None:
    """Note who keeps a file; where that cannot be noted, it is anybody's."""
    note = file.with_suffix(_OWNER)
    with suppress(OSError):
        if caller == ANYBODY:
            note.unlink()
        else:
            note.write_text(_name(caller), encoding="ascii")


def drop(file: Path) -> None:
    """Remove a file of the store, and the note of whose it is."""
    for path in (file, file.with_suffix(_OWNER)):
        with suppress(OSError):  # another process makes room too
            path.unlink()


def taken_bytes(folder: Path) -> int:
    """Say what all files take."""
    return sum(kept.size_bytes for kept in _oldest_first(folder))


def make_room(folder: Path, needed_bytes: int, caller: str, asked_bytes: int) -> bool:
    """Drop files of so many bytes; drop none, and say so, where there are not as many that the
    caller may put out.

    Args:
        asked_bytes: what the caller is about to take; it counts as if it had that.
    """
    files = _oldest_first(folder)
    dropped = []
    for kept in files if caller == ANYBODY else _fairly(files, _name(caller), asked_bytes):
        if needed_bytes <= 0:
            break
        dropped.append(kept.path)
        needed_bytes -= kept.size_bytes
    if needed_bytes > 0:
        return False
    for path in dropped:
        drop(path)
    return True


def _fairly(files: Sequence[_Kept], own: str, asked_bytes: int) -> Iterator[_Kept]:
    """Return files in the order in which they go, as long as they are of who has the most."""
    taken, by_owner = Counter({own: asked_bytes}), defaultdict[str, deque[_Kept]](deque)
    for kept in files:
        owner = _owner(kept.path)
        taken[owner] += kept.size_bytes
        by_owner[owner].append(kept)
    while by_owner[owner := max(taken, key=lambda name: (taken[name], name == own))]:
        oldest = by_owner[owner].popleft()
        taken[owner] -= oldest.size_bytes
        yield oldest


def _oldest_first(folder: Path) -> list[_Kept]:
    files = []
    for path in folder.glob(f"*{SUFFIX}"):
        with suppress(OSError):
            found = path.lstat()
            if S_ISREG(found.st_mode):
                used_ns = max(found.st_atime_ns, found.st_mtime_ns)
                files.append(_Kept(path, found.st_size, used_ns))
    return sorted(files, key=lambda kept: kept.used_ns)


def _owner(file: Path) -> str:
    try:
        with file.with_suffix(_OWNER).open(encoding="ascii") as note:
            return note.read(_OWNER_CHARS)
    except (OSError, UnicodeDecodeError):
        return ANYBODY


def _name(caller: str) -> str:
    """Return what stands for a caller on the disk, where no address needs to be kept."""
    return hashlib.sha256(caller.encode()).hexdigest()[:_OWNER_CHARS]
