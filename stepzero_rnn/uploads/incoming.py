"""Folders for uploads under way: each is locked while it is used, so what is not locked was left by
a process that died.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def locked_folder(parent: Path) -> Iterator[Path]:
    """Make a folder of one's own; it goes in the end, with all that is in it.

    Where folders cannot be locked, as on some network drives, it is used all the same: there none
    is ever swept.
    """
    with _alone(parent):
        own = Path(tempfile.mkdtemp(dir=parent))
        lock = _opened(own)
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        yield own
    finally:
        rmtree(own, ignore_errors=True)
        os.close(lock)


def sweep(parent: Path) -> None:
    """Drop the folders that nobody holds, whatever their age."""
    for folder in parent.iterdir():
        lock = _lock_of_nobody(parent, folder)
        if lock is not None:
            rmtree(folder, ignore_errors=True)
            os.close(lock)


def _lock_of_nobody(parent: Path, folder: Path) -> int | None:
    """Lock a folder that nobody holds; give None of any other."""
    with _alone(parent):  # not between another's making a folder and its locking it
        try:
            lock = _opened(folder)
        except OSError:
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            return None
        return lock


@contextmanager
def _alone(parent: Path) -> Iterator[None]:
    """Hold the lock of all folders, for a moment."""
    lock = _opened(parent)
    try:
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _opened(folder: Path) -> int:
    return os.open(folder, _FOLDER)
