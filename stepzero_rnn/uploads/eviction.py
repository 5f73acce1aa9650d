"""Eviction: which files of the store are deleted when space is needed, and who owns them.

Next to `HASH.safetensors` is `HASH.caller`, with a hash of the name of its last uploader.  Space is
freed from the caller that stores the most, least recently used files first.  So a caller that
uploads a lot evicts its own arrays as soon as it stores more than anyone else.  Processes share the
folder and need no other bookkeeping.
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
# The local user, or any caller if a bucket holds the arrays too: the oldest files go, whoever owns
# them.
ANYBODY = ""
_OWNER = ".caller"
_OWNER_CHARS = 16


@dataclass(frozen=True, slots=True)
class _Kept:
    """A file in the store."""

    path: Path
    size_bytes: int
    used_ns: int


def sign(file: Path, caller: str) -> None:
    """Record the owner of a file; if that fails, the file belongs to anybody."""
    note = file.with_suffix(_OWNER)
    with suppress(OSError):
        if caller == ANYBODY:
            note.unlink()
        else:
            note.write_text(_name(caller), encoding="ascii")


def drop(file: Path) -> None:
    """Delete a file of the store, and the record of its owner."""
    for path in (file, file.with_suffix(_OWNER)):
        with suppress(OSError):  # another process may delete it too
            path.unlink()


def taken_bytes(folder: Path) -> int:
    """Return the total size of all files."""
    return sum(kept.size_bytes for kept in _oldest_first(folder))


def make_room(folder: Path, needed_bytes: int, caller: str, asked_bytes: int) -> bool:
    """Delete files of at least `needed_bytes`; delete none and return False if the caller may not
    evict that much.

    Args:
        asked_bytes: what the caller is about to store; it is counted as stored.
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


def _fairly(files: Sequence[_Kept], caller: str, asked_bytes: int) -> Iterator[_Kept]:
    """Yield the oldest file of whoever stores the most, as long as that owner has any."""
    taken, by_owner = Counter({caller: asked_bytes}), defaultdict[str, deque[_Kept]](deque)
    for kept in files:
        owner = _owner(kept.path)
        taken[owner] += kept.size_bytes
        by_owner[owner].append(kept)
    while by_owner[owner := max(taken, key=lambda name: (taken[name], name == caller))]:
        oldest = by_owner[owner].popleft()
        taken[owner] -= oldest.size_bytes
        yield oldest


def _oldest_first(folder: Path) -> list[_Kept]:
    files = []
    for path in folder.glob(f"*{SUFFIX}"):
        with suppress(OSError):
            status = path.lstat()
            if S_ISREG(status.st_mode):
                used_ns = max(status.st_atime_ns, status.st_mtime_ns)
                files.append(_Kept(path, status.st_size, used_ns))
    return sorted(files, key=lambda kept: kept.used_ns)


def _owner(file: Path) -> str:
    try:
        with file.with_suffix(_OWNER).open(encoding="ascii") as note:
            return note.read(_OWNER_CHARS)
    except (OSError, UnicodeDecodeError):
        return ANYBODY


def _name(caller: str) -> str:
    """Return a pseudonym of a caller, so that no address is stored on disk."""
    return hashlib.sha256(caller.encode()).hexdigest()[:_OWNER_CHARS]
