"""Output files: a regular file is replaced once the new one is complete; anything else is written
to directly.
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

_DESCRIPTORS = ("/proc", "/dev/fd")  # names of open files
_COPY_BYTES = 1 << 20


def path_of_file(path: str | os.PathLike[str]) -> Path:
    """Return the path of a file, checking a trailing slash, which `Path` would drop.

    Raises:
        NotADirectoryError: the path ends in a slash, but there is no such folder.
    """
    text = os.fspath(path)
    if text.endswith("/") and not Path(text).is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "No such folder", text)
    return Path(text)


def takes_a_stream(path: Path) -> bool:
    """Whether `path` is a device, a pipe or an open file, such as /dev/stdout.

    Such a path is written to and never replaced.
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
    """Write a complete file to `path`, or none; if `path` takes a stream, write to that.

    Args:
        chunks: the contents; the first chunk is requested once the target is open.
        progress: called with the bytes written so far and `size_bytes`.
        replace: whether to replace a file that exists at the end.

    Raises:
        FileExistsError: a file exists, and `replace` is false.
        OSError: its filename is `path`, even if a temporary file failed.
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
    """Yield the path to download to in the block: `path` itself, or a temporary file that is then
    written to `path`.

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
    """Yield a file in chunks."""
    with path.open("rb") as file:
        while chunk := file.read(_COPY_BYTES):
            yield chunk


def at_the_end_of_links(path: Path) -> Path:
    """Return the path of the file itself if `path` is a symbolic link."""
    return path.resolve() if path.is_symlink() else path


def give_name(part: Path, target: Path, *, replace: bool) -> None:
    """Move a complete file to its final name.

    Raises:
        FileExistsError: the name is taken, and `replace` is false.
    """
    if replace:
        part.replace(target)
        return
    try:
        target.hardlink_to(part)  # fails if the name is taken; a rename would not
    except FileExistsError:
        raise
    except OSError as error:  # no hard links on this file system; a small race remains
        if target.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from error
        part.replace(target)
    else:
        part.unlink(missing_ok=True)


@contextmanager
def _into(path: Path) -> Iterator[BinaryIO]:
    """Open a path that takes a stream, without creating or truncating it.

    To an open regular file, data is appended.
    """
    descriptor = os.open(path, os.O_WRONLY)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, which Path cannot open
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            file.seek(0, os.SEEK_END)
        yield file


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Make OSErrors name `path`, which the caller knows, instead of the temporary file."""
    try:
        yield
    except OSError as error:
        is_named = error.filename is not None and not str(error.filename).endswith(".part")
        if is_named or error.errno is None:
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
