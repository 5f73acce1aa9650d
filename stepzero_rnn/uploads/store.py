"""Where uploaded arrays are kept: a folder of canonical files, each under its sha256, which several
processes may share.

A file appears whole, by a rename, and is never written again.  Before its first use by a process it
is compared with its name. Where there is a bucket behind the folder, every file is kept there too,
and fetched from there when the folder has it no more.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

from cachetools import LRUCache

from stepzero_rnn.arrays.canonical import Stored, open_regular, open_stored
from stepzero_rnn.errors import ArraysGone, ArraysTooLarge, StoreUnavailable
from stepzero_rnn.uploads import eviction
from stepzero_rnn.uploads.disk_budget import Claim, DiskBudget
from stepzero_rnn.uploads.eviction import ANYBODY, SUFFIX
from stepzero_rnn.uploads.incoming import locked_folder, sweep

INCOMING = "incoming"
_REMEMBERED = 4096
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_TAKEN = frozenset({errno.EMFILE, errno.ENFILE})
Identity = tuple[int, int, int]
T = TypeVar("T")


def default_folder() -> Path:
    """Return the folder of this user, or below that of temporary files where there is no home."""
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

    def size_bytes(self, name: str) -> int | None:
        """Return a file's size, None where there is none.  Raises StoreUnavailable."""


class Incoming:
    """A folder of one upload, whose bytes are claimed before they are written.

    `path` is the folder, `caller` whoever sends.
    """

    def __init__(self, path: Path, store: Store, claim: Claim) -> None:
        self.path = path
        self.max_bytes = store.max_bytes
        self._store = store
        self._claim = claim
        self._ahead_bytes = 0

    @property
    def caller(self) -> str:
        """Whose upload it is."""
        return self._claim.caller

    def expect(self, size_bytes: int) -> None:
        """Claim a body ahead, whose length is known.  Raises as `claim`."""
        self.claim(size_bytes)
        self._ahead_bytes += size_bytes

    def claim(self, size_bytes: int) -> None:
        """Claim what comes of a body and is about to be written, but for what was expected.

        Raises:
            ArraysTooLarge: there is never so much room.
            Busy: other uploads leave none.
            StoreUnavailable: the disk has none, and none can be made.
        """
        ahead_bytes = min(self._ahead_bytes, size_bytes)
        self._ahead_bytes -= ahead_bytes
        more_bytes = size_bytes - ahead_bytes
        if more_bytes:
            self._claim.more(body_bytes=more_bytes)
            self._find_disk(more_bytes)

    def claim_work(self, size_bytes: int) -> None:
        """Claim what arrays are about to be unpacked to and written as.  Raises as `claim`."""
        self._claim.more(work_bytes=size_bytes)
        self._find_disk(size_bytes)

    def write(self, work: Callable[[], T]) -> T:
        """Do what claims and writes; where the disk is full all the same, drop kept arrays and do
        it once more.
        """
        try:
            return work()
        except OSError as error:
            if error.errno not in _FULL:
                raise
        self._drop(max(self._claim.work_bytes, 1))
        self._claim.end_work()
        return work()

    def keep(self, file: Path, sha256: str) -> None:
        """Keep a file of this folder.  Raises as `Store.keep`."""
        self._store.keep(file, sha256, self.caller)

    def _find_disk(self, size_bytes: int) -> None:
        """Drop kept arrays where the disk has less than is about to be written."""
        lacking_bytes = size_bytes - shutil.disk_usage(self.path).free
        if lacking_bytes > 0:
            self._drop(lacking_bytes)

    def _drop(self, lacking_bytes: int) -> None:
        if not self._store.drop(lacking_bytes, self.caller, self._claim.held_bytes):
            raise StoreUnavailable(reason="its disk is full")


class Store:
    """Files by their sha256 in a folder that holds at most `max_bytes`; what goes first, `eviction`
    says.

    Args:
        disk: what uploads under way may take beside that; any amount unless given.
    """

    def __init__(
        self,
        folder: Path,
        max_bytes: int,
        bucket: Bucket | None = None,
        disk: DiskBudget | None = None,
    ) -> None:
        self.folder, self.max_bytes = folder, max_bytes
        self.disk = disk or DiskBudget()
        self._bucket = bucket
        self._verified: LRUCache[str, Identity] = LRUCache(_REMEMBERED)
        self._lock = threading.Lock()

    @contextmanager
    def incoming(self, caller: str = ANYBODY) -> Iterator[Incoming]:
        """Return a folder of one's own for what is to be kept; it goes with all that is left in it.

        Raises:
            StoreUnavailable: nothing can be written, or no more of it.
        """
        with self._own_folder() as own, self.disk.opened(caller) as claim:
            try:
                yield Incoming(own, self, claim)
            except OSError as error:
                if error.errno in _FULL:
                    raise StoreUnavailable(reason="its disk is full") from error
                if error.errno in _TAKEN:
                    raise _unavailable(error) from error
                raise

    def sweep(self) -> None:
        """Drop what uploads of processes that died have left."""
        with suppress(OSError):  # there is no folder yet, or it is another's
            sweep(self.folder / INCOMING)

    def keep(self, file: Path, sha256: str, caller: str = ANYBODY) -> None:
        """Take a file from an incoming folder in, after making room for it.

        Raises:
            ArraysTooLarge: it is larger than the whole store.
            StoreUnavailable: the bucket does not take it, or arrays of others leave no room.
        """
        size = file.stat().st_size
        if size > self.max_bytes:
            raise ArraysTooLarge(
                file="the arrays", what="bytes together", given=size, limit=self.max_bytes
            )
        with file.open("rb") as written:
            os.fsync(written.fileno())
        if self._bucket:
            caller = ANYBODY  # what goes from the folder comes back from the bucket
            if self._bucket.size_bytes(sha256 + SUFFIX) is None:
                self._bucket.put(sha256 + SUFFIX, file)
        self._place(file, sha256, caller)

    def open(self, sha256: str) -> Stored:
        """Open a file, which may then be dropped without harm to the reader.

        Raises:
            ArraysGone: it is not there, or is not what its name says.
            StoreUnavailable: it cannot be read now, or the bucket does not answer.
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
        except OSError as error:
            raise _unavailable(error) from error

    def require(self, sha256: str) -> None:
        """Refuse what could not be opened, without reading it.

        Raises:
            ArraysGone, StoreUnavailable: as `open`.
        """
        try:
            with open_regular(self._path(sha256)):
                return
        except FileNotFoundError:
            pass
        except OSError as error:
            raise _unavailable(error) from error
        if not self._bucket or self._bucket.size_bytes(sha256 + SUFFIX) is None:
            raise ArraysGone(sha256=sha256)

    def drop(self, needed_bytes: int, caller: str, asked_bytes: int) -> bool:
        """Drop kept arrays, by the rule of `eviction.make_room`; say whether they were enough."""
        return eviction.make_room(self.folder, needed_bytes, caller, asked_bytes)

    def _path(self, sha256: str) -> Path:
        return self.folder / (sha256 + SUFFIX)

    @contextmanager
    def _own_folder(self) -> Iterator[Path]:
        """Return an empty folder that goes in the end, after those of processes that died."""
        parent = self.folder / INCOMING
        with ExitStack() as stack:
            try:
                parent.mkdir(parents=True, exist_ok=True)
                sweep(parent)
                own = stack.enter_context(locked_folder(parent))
            except OSError as error:
                reason = f"the folder is not writable ({error.strerror})"
                raise StoreUnavailable(reason=reason) from error
            yield own

    def _place(self, file: Path, sha256: str, caller: str) -> None:
        """Return a file its name, once there is room for it and known whose it is."""
        path = self._path(sha256)
        more_bytes = file.stat().st_size - _size_bytes(path)
        excess_bytes = eviction.taken_bytes(self.folder) + more_bytes - self.max_bytes
        if excess_bytes > 0 and not self.drop(excess_bytes, caller, more_bytes):
            raise StoreUnavailable(reason="the arrays of others leave no room for so many")
        try:
            file.replace(path)
        except OSError as error:
            raise _unavailable(error) from error
        eviction.sign(path, caller)

    def _verify(self, path: Path, sha256: str) -> bool:
        """Say whether a file is there and is what its name says; one that is not is dropped.

        Raises:
            StoreUnavailable: it cannot be read, which may pass, or is none.
        """
        try:
            with open_regular(path) as file:
                found = os.fstat(file.fileno())
                identity = found.st_ino, found.st_size, found.st_mtime_ns
                with self._lock:
                    known = self._verified.get(sha256)
                if known == identity:
                    return True
                genuine = hashlib.file_digest(file, "sha256").hexdigest() == sha256
        except FileNotFoundError:
            return False
        except OSError as error:
            raise _unavailable(error) from error
        if genuine:
            with self._lock:
                self._verified[sha256] = identity
        else:
            eviction.drop(path)
        return genuine

    def _fetch(self, sha256: str) -> bool:
        """Bring a file back from the bucket; say whether it was there, and is what its name
        says.
        """
        if self._bucket is None:
            return False
        size_bytes = self._bucket.size_bytes(sha256 + SUFFIX)
        if size_bytes is None:
            return False
        with self.incoming() as own:
            own.claim_work(size_bytes)
            target = own.path / sha256
            with target.open("wb") as file:
                if not self._bucket.fetch(sha256 + SUFFIX, file):
                    return False
            self._place(target, sha256, ANYBODY)
        return self._verify(self._path(sha256), sha256)


def _size_bytes(path: Path) -> int:
    """Return the size of a file, 0 where there is none."""
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0


def _unavailable(error: OSError) -> StoreUnavailable:
    return StoreUnavailable(reason=f"a file of it cannot be used ({error.strerror})")
