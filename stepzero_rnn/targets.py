"""Where a file is put: a regular file is replaced once the new one is whole; anything else is
written into.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

Chunk = bytes | memoryview
Progress = Callable[[int, int], None]

_DESCRIPTORS = ("/proc", "/dev/fd")  # where open files have names
_COPY_BYTES = 1 << 20


def path_of_file(path: str | os.PathLike[str]) -> Path:
    """Return a file's path, from which `Path` would take the slash that says it is a folder's.

    Raises:
        NotADirectoryError: it is said to be a folder, and there is none.
    """
    text = os.fspath(path)
    if text.endswith("/") and not Path(text).is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "There is no such folder", text)
    return Path(text)


def takes_a_stream(path: Path) -> bool:
    """Whether `path` is a device, a pipe or an open file's name, as /dev/stdout is: never to be
    replaced by a file.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) or _is_descriptor(path)


def write(
    path: Path,
    chunks: Iterable[Chunk],
    *,
    size_bytes: int,
    progress: Progress | None = None,
    replace: bool = True,
) -> None:
    """Write a whole file under `path`, or none; or into what stands there, if that takes a stream.

    Args:
        chunks: the file; the first is asked for once the place for it is open.
        progress: called with the bytes written so far and `size_bytes`.
        replace: take the place of a file that is there by the end.

    Raises:
        FileExistsError: there is one, and it is not to be replaced.
        OSError: it names `path`, whichever file it was about.
    """
    done_bytes = 0
    place = _into(path) if takes_a_stream(path) else _beside(path, replace=replace)
    with _naming(path), place as file:
        for chunk in chunks:
            done_bytes += file.write(chunk)
            if progress:
                progress(done_bytes, size_bytes)


@contextmanager
def fetched(path: Path) -> Iterator[Path]:
    """Return the name of a file to fetch into in the block, whole: `path`, or one that is then
    written into it.

    Raises:
        OSError: as `write`.
    """
    with _naming(path):
        if not takes_a_stream(path):
            yield at_the_end_of_links(path)
            return
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, path.name)
            yield file
            write(path, read(file), size_bytes=file.stat().st_size)


def read(path: Path) -> Iterator[bytes]:
    """Return a file in chunks."""
    with path.open("rb") as file:
        while chunk := file.read(_COPY_BYTES):
            yield chunk


def at_the_end_of_links(path: Path) -> Path:
    """Return the name of the file itself, where `path` is a link to it."""
    return path.resolve() if path.is_symlink() else path


def give_name(part: Path, target: Path, *, replace: bool) -> None:
    """Return a whole file its name, in place of what has it if `replace`.

    Raises:
        FileExistsError: something has the name, and is not to be replaced.
    """
    if replace:
        part.replace(target)
        return
    try:
        target.hardlink_to(part)  # fails where the name is taken; a renaming would not
    except FileExistsError:
        raise
    except OSError as error:  # no such links there: the moment between is left open
        if target.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from error
        part.replace(target)
    else:
        part.unlink(missing_ok=True)


@contextmanager
def _into(path: Path) -> Iterator[BinaryIO]:
    """Open what takes a stream.

    Nothing is made or cut; writing to a file that is open begins at its end.
    """
    descriptor = os.open(path, os.O_WRONLY)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, which Path cannot open
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            file.seek(0, os.SEEK_END)
        yield file


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let errors of the operating system name `path`, which the caller knows, not the file beside
    it.
    """
    try:
        yield
    except OSError as error:
        is_known = error.filename is not None and not str(error.filename).endswith(".part")
        if is_known or error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


@contextmanager
def _beside(path: Path, *, replace: bool) -> Iterator[BinaryIO]:
    target = at_the_end_of_links(path)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            yield file
        give_name(part, target, replace=replace)
    finally:
        part.unlink(missing_ok=True)


def _is_descriptor(path: Path) -> bool:
    here = path.parent.resolve() / path.name
    if any(here.is_relative_to(place) for place in _DESCRIPTORS):
        return True
    return here.is_symlink() and _is_descriptor(here.parent / here.readlink())
