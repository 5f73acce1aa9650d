"""Where uploaded arrays are kept: a folder of canonical files, each under its sha256, which several processes may share.

A file appears whole, by a rename, and is never written again.  Before its first use by a process it is compared with its name.
Where there is a bucket behind the folder, every file is kept there too, and fetched from there when the folder has it no more.
"""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from typing import BinaryIO, Protocol

from cachetools import LRUCache

from app.arrays.canonical import Stored, open_stored
from app.errors import ArraysGone, ArraysTooLarge, StoreUnavailable

SUFFIX = ".safetensors"
INCOMING = "incoming"
STALE_S = 24 * 3600  # an upload of a process that died is not finished after so long
_REMEMBERED = 4096
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
Identity = tuple[int, int, int]


def default_folder() -> Path:
    """Give the folder of this user, or below that of temporary files where there is no home."""
    try:
        return Path.home() / ".cache/stepzero/arrays"
    except RuntimeError:
        return Path(tempfile.gettempdir(), "stepzero/arrays")


class Bucket(Protocol):
    """What keeps files behind the folder."""

    def put(self, name: str, path: Path) -> None:
        """Keep a file.  Raises StoreUnavailable."""

    def fetch(self, name: str, target: BinaryIO) -> bool:
        """Write a file's bytes to `target`; say whether there is one.  Raises StoreUnavailable."""

    def has(self, name: str) -> bool:
        """Say whether a file is there.  Raises StoreUnavailable."""


class Store:
    """Files by their sha256 in a folder that holds at most `most_bytes`, the least recently used out first."""

    def __init__(self, folder: Path, most_bytes: int, bucket: Bucket | None = None) -> None:
        self.folder, self.most_bytes = folder, most_bytes
        self._bucket = bucket
        self._verified: LRUCache[str, Identity] = LRUCache(_REMEMBERED)
        self._lock = threading.Lock()

    @contextmanager
    def incoming(self) -> Iterator[Path]:
        """Give a folder of one's own for what is to be kept; it goes with all that is left in it.

        Raises:
            StoreUnavailable: nothing can be written, or no more of it.
        """
        try:
            (self.folder / INCOMING).mkdir(parents=True, exist_ok=True)
            self._sweep()
            own = Path(tempfile.mkdtemp(dir=self.folder / INCOMING))
        except OSError as error:
            raise StoreUnavailable(
                reason=f"the folder is not writable ({error.strerror})"
            ) from error
        try:
            yield own
        except OSError as error:
            if error.errno in _FULL:
                raise StoreUnavailable(reason="its disk is full") from error
            raise
        finally:
            rmtree(own, ignore_errors=True)

    def keep(self, file: Path, sha256: str) -> None:
        """Take a file from an incoming folder in, and make room for it.

        Raises:
            ArraysTooLarge: it is larger than the whole store.
            StoreUnavailable: the bucket does not take it.
        """
        size = file.stat().st_size
        if size > self.most_bytes:
            raise ArraysTooLarge(
                file="the arrays", what="bytes together", given=size, limit=self.most_bytes
            )
        with file.open("rb") as written:
            os.fsync(written.fileno())
        if self._bucket and not self._bucket.has(sha256 + SUFFIX):
            self._bucket.put(sha256 + SUFFIX, file)
        file.replace(self._path(sha256))
        self._make_room(sparing=sha256)

    def open(self, sha256: str) -> Stored:
        """Open a file, which may then be dropped without harm to the reader.

        Raises:
            ArraysGone: it is not there, or is not what its name says.
            StoreUnavailable: the bucket does not answer.
        """
        path = self._path(sha256)
        if not self._verify(path, sha256) and not self._fetch(sha256):
            raise ArraysGone(sha256=sha256)
        with suppress(OSError):  # it may be another's file
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
        try:
            return open_stored(path)
        except FileNotFoundError as error:  # dropped just now, by another process
            raise ArraysGone(sha256=sha256) from error

    def require(self, sha256: str) -> None:
        """Refuse what could not be opened, without reading it.

        Raises:
            ArraysGone, StoreUnavailable: as `open`.
        """
        here = self._path(sha256).exists()
        if not here and not (self._bucket and self._bucket.has(sha256 + SUFFIX)):
            raise ArraysGone(sha256=sha256)

    def _path(self, sha256: str) -> Path:
        return self.folder / (sha256 + SUFFIX)

    def _verify(self, path: Path, sha256: str) -> bool:
        """Say whether a file is there and is what its name says; one that is not is dropped."""
        try:
            with path.open("rb") as file:
                found = os.fstat(file.fileno())
                identity = found.st_ino, found.st_size, found.st_mtime_ns
                with self._lock:
                    known = self._verified.get(sha256)
                if known == identity:
                    return True
                genuine = hashlib.file_digest(file, "sha256").hexdigest() == sha256
        except OSError:
            return False
        if genuine:
            with self._lock:
                self._verified[sha256] = identity
        else:
            path.unlink(missing_ok=True)
        return genuine

    def _fetch(self, sha256: str) -> bool:
        """Bring a file back from the bucket; say whether it was there, and is what its name says."""
        if self._bucket is None:
            return False
        with self.incoming() as own:
            target = own / sha256
            with target.open("wb") as file:
                if not self._bucket.fetch(sha256 + SUFFIX, file):
                    return False
            target.replace(self._path(sha256))
        self._make_room(sparing=sha256)
        return self._verify(self._path(sha256), sha256)

    def _make_room(self, *, sparing: str) -> None:
        files = []
        for path in self.folder.glob(f"*{SUFFIX}"):
            with suppress(FileNotFoundError):  # another process makes room too
                found = path.stat()
                files.append((max(found.st_atime_ns, found.st_mtime_ns), found.st_size, path))
        taken = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if taken <= self.most_bytes:
                break
            if path != self._path(sparing):
                path.unlink(missing_ok=True)
                taken -= size

    def _sweep(self) -> None:
        """Drop what uploads of processes that died have left."""
        for left in (self.folder / INCOMING).iterdir():
            with suppress(FileNotFoundError):
                if time.time_ns() - left.stat().st_mtime_ns > STALE_S * 1_000_000_000:
                    rmtree(left, ignore_errors=True)
