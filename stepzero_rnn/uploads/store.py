"""The array store: a folder of canonical files, each named by its sha256, that several processes
may share.

A file appears atomically, by a rename, and never changes.  Before its first use by a process its
hash is verified.  With a bucket behind the folder, every file is stored there too, and fetched from
there once the folder no longer has it.
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
from stepzero_rnn.uploads.disk_budget import DiskBudget, DiskClaim
from stepzero_rnn.uploads.eviction import ANYBODY, SUFFIX
from stepzero_rnn.uploads.incoming import locked_folder, sweep

INCOMING = "incoming"
_REMEMBERED = 4096
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_TAKEN = frozenset({errno.EMFILE, errno.ENFILE})
FileIdentity = tuple[int, int, int]
T = TypeVar("T")


def default_folder() -> Path:
    """Return the user's cache folder, or a temporary folder if there is no home directory."""
    try:
        return Path.home() / ".cache/stepzero/arrays"
    except RuntimeError:
        return Path(tempfile.gettempdir(), "stepzero/arrays")


class Bucket(Protocol):
    """Storage behind the folder."""

    def put(self, name: str, path: Path) -> None:
        """Upload a file.  Raises StoreUnavailable."""

    def fetch(self, name: str, target: BinaryIO) -> bool:
        """Write a file to `target`; return whether it exists.  Raises StoreUnavailable."""

    def size_bytes(self, name: str) -> int | None:
        """Return a file's size, None if it does not exist.  Raises StoreUnavailable."""


class Incoming:
    """The folder of one upload, whose disk space is claimed before it is written.

    `path` is the folder, `caller` the sender.
    """

    def __init__(self, path: Path, store: Store, claim: DiskClaim) -> None:
        self.path = path
        self.max_bytes = store.max_bytes
        self._store = store
        self._claim = claim
        self._ahead_bytes = 0

    @property
    def caller(self) -> str:
        return self._claim.caller

    def expect(self, size_bytes: int) -> None:
        """Claim the space of a body of known length in advance.  Raises as `claim`."""
        self.claim(size_bytes)
        self._ahead_bytes += size_bytes

    def claim(self, size_bytes: int) -> None:
        """Claim space for a part of the body that is about to be written, unless `expect` did.

        Raises:
            ArraysTooLarge: it exceeds the whole budget.
            Busy: other uploads leave too little space.
            StoreUnavailable: the disk is full, and nothing can be evicted.
        """
        ahead_bytes = min(self._ahead_bytes, size_bytes)
        self._ahead_bytes -= ahead_bytes
        more_bytes = size_bytes - ahead_bytes
        if more_bytes:
            self._claim.more(body_bytes=more_bytes)
            self._find_disk(more_bytes)

    def claim_work(self, size_bytes: int) -> None:
        """Claim space for unpacked and canonical arrays.  Raises as `claim`."""
        self._claim.more(work_bytes=size_bytes)
        self._find_disk(size_bytes)

    def write(self, work: Callable[[], T]) -> T:
        """Run work that claims and writes; if the disk is full, evict arrays and retry once."""
        try:
            return work()
        except OSError as error:
            if error.errno not in _FULL:
                raise
        self._drop(max(self._claim.work_bytes, 1))
        self._claim.end_work()
        return work()

    def keep(self, file: Path, sha256: str) -> None:
        """Store a file of this folder.  Raises as `Store.keep`."""
        self._store.keep(file, sha256, self.caller)

    def _find_disk(self, size_bytes: int) -> None:
        """Evict stored arrays if the disk has too little free space."""
        lacking_bytes = size_bytes - shutil.disk_usage(self.path).free
        if lacking_bytes > 0:
            self._drop(lacking_bytes)

    def _drop(self, lacking_bytes: int) -> None:
        if not self._store.drop(lacking_bytes, self.caller, self._claim.held_bytes):
            raise StoreUnavailable(reason="the disk is full")


class Store:
    """Files named by their sha256, in a folder of at most `max_bytes`; see `eviction`.

    Args:
        disk: additional disk space for uploads in progress; unlimited by default.
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
        self._verified: LRUCache[str, FileIdentity] = LRUCache(_REMEMBERED)
        self._lock = threading.Lock()

    @contextmanager
    def incoming(self, caller: str = ANYBODY) -> Iterator[Incoming]:
        """Create a folder for one upload, which is deleted at the end of the block.

        Raises:
            StoreUnavailable: the folder cannot be written to, or the disk is full.
        """
        with self._new_folder() as folder, self.disk.opened(caller) as claim:
            try:
                yield Incoming(folder, self, claim)
            except OSError as error:
                if error.errno in _FULL:
                    raise StoreUnavailable(reason="the disk is full") from error
                if error.errno in _TAKEN:
                    raise _unavailable(error) from error
                raise

    def sweep(self) -> None:
        """Delete the remains of uploads whose processes died."""
        with suppress(OSError):  # no folder yet, or no permission
            sweep(self.folder / INCOMING)

    def keep(self, file: Path, sha256: str, caller: str = ANYBODY) -> None:
        """Move a file from an incoming folder into the store, evicting others if necessary.

        Raises:
            ArraysTooLarge: it is larger than the whole store.
            StoreUnavailable: the bucket fails, or the arrays of others leave too little space.
        """
        size = file.stat().st_size
        if size > self.max_bytes:
            raise ArraysTooLarge(
                file="the arrays", what="bytes in total", given=size, limit=self.max_bytes
            )
        with file.open("rb") as written:
            os.fsync(written.fileno())
        if self._bucket:
            caller = ANYBODY  # evicted files can be fetched from the bucket
            if self._bucket.size_bytes(sha256 + SUFFIX) is None:
                self._bucket.put(sha256 + SUFFIX, file)
        self._place(file, sha256, caller)

    def open(self, sha256: str) -> Stored:
        """Open a file; eviction does not affect a file that is already open.

        Raises:
            ArraysGone: it does not exist, or its hash is wrong.
            StoreUnavailable: it cannot be read at the moment, or the bucket is unavailable.
        """
        path = self._path(sha256)
        if not self._verify(path, sha256) and not self._fetch(sha256):
            raise ArraysGone(sha256=sha256)
        with suppress(OSError):  # no permission
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
        try:
            return open_stored(path)
        except FileNotFoundError as error:  # just evicted by another process
            raise ArraysGone(sha256=sha256) from error
        except OSError as error:
            raise _unavailable(error) from error

    def require(self, sha256: str) -> None:
        """Raise if a file could not be opened, without reading it.

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
        """Evict stored arrays as `eviction.make_room` does; return whether that was enough."""
        return eviction.make_room(self.folder, needed_bytes, caller, asked_bytes)

    def _path(self, sha256: str) -> Path:
        return self.folder / (sha256 + SUFFIX)

    @contextmanager
    def _new_folder(self) -> Iterator[Path]:
        """Create a folder that is deleted at the end; first delete those of dead processes."""
        parent = self.folder / INCOMING
        with ExitStack() as stack:
            try:
                parent.mkdir(parents=True, exist_ok=True)
                sweep(parent)
                folder = stack.enter_context(locked_folder(parent))
            except OSError as error:
                reason = f"the folder is not writable ({error.strerror})"
                raise StoreUnavailable(reason=reason) from error
            yield folder

    def _place(self, file: Path, sha256: str, caller: str) -> None:
        """Move a file to its final name, after making space for it, and record its owner."""
        path = self._path(sha256)
        more_bytes = file.stat().st_size - _size_bytes(path)
        excess_bytes = eviction.taken_bytes(self.folder) + more_bytes - self.max_bytes
        if excess_bytes > 0 and not self.drop(excess_bytes, caller, more_bytes):
            raise StoreUnavailable(reason="the arrays of other clients leave too little space")
        try:
            file.replace(path)
        except OSError as error:
            raise _unavailable(error) from error
        eviction.sign(path, caller)

    def _verify(self, path: Path, sha256: str) -> bool:
        """Return whether a file exists and its hash is right; delete it if the hash is wrong.

        Raises:
            StoreUnavailable: it cannot be read, perhaps temporarily, or is not a regular file.
        """
        try:
            with open_regular(path) as file:
                status = os.fstat(file.fileno())
                identity = status.st_ino, status.st_size, status.st_mtime_ns
                with self._lock:
                    verified = self._verified.get(sha256)
                if verified == identity:
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
        """Fetch a file from the bucket; return whether it exists and its hash is right."""
        if self._bucket is None:
            return False
        size_bytes = self._bucket.size_bytes(sha256 + SUFFIX)
        if size_bytes is None:
            return False
        with self.incoming() as incoming:
            incoming.claim_work(size_bytes)
            target = incoming.path / sha256
            with target.open("wb") as file:
                if not self._bucket.fetch(sha256 + SUFFIX, file):
                    return False
            self._place(target, sha256, ANYBODY)
        return self._verify(self._path(sha256), sha256)


def _size_bytes(path: Path) -> int:
    """Return the size of a file, 0 if it does not exist."""
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0


def _unavailable(error: OSError) -> StoreUnavailable:
    return StoreUnavailable(reason=f"a file cannot be used ({error.strerror})")
