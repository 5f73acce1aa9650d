"""Folders for uploads in progress: each is locked while in use, so an unlocked one was left by a
process that died.
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
    """Create a locked folder, which is deleted at the end of the block.

    If folders cannot be locked, as on some network drives, it is used unlocked; there `sweep`
    deletes nothing.
    """
    with _alone(parent):
        folder = Path(tempfile.mkdtemp(dir=parent))
        lock = _opened(folder)
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        yield folder
    finally:
        rmtree(folder, ignore_errors=True)
        os.close(lock)


def sweep(parent: Path) -> None:
    """Delete the folders that no process holds, regardless of age."""
    for folder in parent.iterdir():
        lock = _lock_of_nobody(parent, folder)
        if lock is not None:
            rmtree(folder, ignore_errors=True)
            os.close(lock)


def _lock_of_nobody(parent: Path, folder: Path) -> int | None:
    """Lock a folder that no process holds; return None for any other."""
    with _alone(parent):  # not while another process creates and locks a folder
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
    """Hold the lock on the parent of all folders."""
    lock = _opened(parent)
    try:
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _opened(folder: Path) -> int:
    return os.open(folder, _FOLDER)
