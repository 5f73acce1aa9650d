"""A file under way: its bytes in `<path>.part`, and what they belong to in `<path>.part.json`."""

from __future__ import annotations

import fcntl
import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpx

from stepzero_rnn.client.proof import taken_checksum, told_checksum
from stepzero_rnn.client.session import PassingFailure
from stepzero_rnn.errors import StepZeroError, TransferError
from stepzero_rnn.targets import give_name

_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,19})-([0-9]{1,19})/([0-9]{1,19})")


@dataclass(frozen=True, slots=True)
class Expected:
    """What is known of a file before it is asked for.

    `etag` is None where it is the server's own: a script's numbers are those of its libraries.
    """

    address: str
    size_bytes: int
    etag: str | None


class PartialFile:
    """A file under way.

    What cannot be continued is thrown away; what cannot be begun is refused.
    """

    def __init__(self, path: Path, expected: Expected, file: BinaryIO) -> None:
        self._path = path
        self._expected = expected
        self._file = file
        self._notes = _beside(path, ".part.json")
        self._etag = ""
        self.checksum = ""
        self.here_bytes = file.seek(0, os.SEEK_END)
        self._remember()

    @property
    def size_bytes(self) -> int:
        """The bytes of the whole file."""
        return self._expected.size_bytes

    @property
    def is_whole(self) -> bool:
        """Whether every byte is here."""
        return self.here_bytes == self.size_bytes

    def request_headers(self) -> dict[str, str]:
        """Ask for the bytes that are missing, provided they are still of the same file."""
        plain = {"Accept-Encoding": "identity"}
        if not (self.here_bytes and self._etag):
            return plain
        return plain | {"Range": f"bytes={self.here_bytes}-", "If-Range": self._etag}

    def begin(self, response: httpx.Response) -> None:
        """Take in the head of an answer: it brings the missing bytes, or all of them anew.

        Raises:
            PassingFailure: it brings something else; what is here was thrown away, to ask for all.
            TransferError: it brings something else, and all was asked for.
        """
        headers = response.headers
        if headers.get("Content-Type", "").startswith("text/") or "Content-Encoding" in headers:
            self._refuse("came as something else; is this a Step Zero server?")
        etag = headers.get("ETag", "")
        if etag.startswith('"') and self._expected.etag not in (None, etag):
            self._refuse(f"should have the tag {self._expected.etag}, but {etag} came")
        if response.status_code == httpx.codes.PARTIAL_CONTENT:
            self._continue(headers)
        else:
            self._start_over(headers)

    def append(self, chunk: bytes) -> None:
        """Add bytes to the end."""
        if self.here_bytes + len(chunk) > self.size_bytes:
            self._refuse("is longer than was announced")
        self._file.write(chunk)
        self.here_bytes += len(chunk)

    def prove(self) -> None:
        """Compare the bytes that are here with the checksum that was told.

        Raises:
            PassingFailure: they are others, and were thrown away.
        """
        taken = taken_checksum(self._file, self.checksum)
        if taken != self.checksum:
            self._refuse(f"should have the checksum {self.checksum}, but has {taken}")

    def learn_checksum(self, headers: httpx.Headers) -> None:
        """Take in what an answer tells of the whole file.

        Raises:
            PassingFailure: that is another file by now; what is here was thrown away.
            TransferError: nothing is told.
        """
        if self._etag and headers.get("ETag", self._etag) != self._etag:
            self._refuse("changed before it was proved")
        self.checksum = told_checksum(headers)
        if not self.checksum:
            raise self.error(
                "has no checksum, although one was requested; nothing proves its bytes"
            )

    def finish(self, *, replace: bool) -> None:
        """Return the file its name, once its bytes are on the disk.

        Raises:
            FileExistsError: something has the name, and is not to be replaced; what came was thrown
                away.
        """
        self._file.flush()
        os.fsync(self._file.fileno())
        try:
            give_name(_beside(self._path, ".part"), self._path, replace=replace)
        except FileExistsError:
            self.forget()
            raise
        self._notes.unlink(missing_ok=True)

    def leave(self, error: BaseException) -> None:
        """Keep what the next download can take up, and say so in the error that ends this one."""
        if not self._etag:
            self.forget()
        here_bytes = self._file.seek(0, os.SEEK_END)
        if not here_bytes:
            return
        part = _beside(self._path, ".part")
        error.add_note(
            f"{part} keeps {here_bytes} of {self.size_bytes} bytes; the same download goes on from there."
        )
        if isinstance(error, StepZeroError):
            kept = {"part": str(part), "here_bytes": here_bytes, "size_bytes": self.size_bytes}
            error.facts = {**error.facts, **kept}

    def error(self, what: str) -> TransferError:
        """Say what went wrong with this file."""
        return TransferError(
            f"The file {self._path.name} {what}.",
            here_bytes=self.here_bytes,
            size_bytes=self.size_bytes,
        )

    def forget(self) -> None:
        """Throw away what is here."""
        self._notes.unlink(missing_ok=True)
        self._file.truncate(0)
        self._etag, self.checksum, self.here_bytes = "", "", 0

    def _refuse(self, what: str) -> None:
        error, is_begun = self.error(what), self.here_bytes > 0
        self.forget()
        raise PassingFailure(error) if is_begun else error

    def _remember(self) -> None:
        """Take up what an earlier process noted; forget its bytes if they are of something else."""
        with suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
            # A pipe of this name would never end, and a link leads to what is not ours.
            is_file = stat.S_ISREG(self._notes.lstat().st_mode)
            notes = json.loads(self._notes.read_text() if is_file else "{}")
            known = (self._expected.address, self._expected.size_bytes)
            if (notes["url"], notes["size_bytes"]) == known:
                self._etag, self.checksum = str(notes["etag"]), str(notes.get("checksum", ""))
        if not self._etag or self.here_bytes > self.size_bytes:
            self.forget()

    def _continue(self, headers: httpx.Headers) -> None:
        given = headers.get("Content-Range", "")
        found = _CONTENT_RANGE.fullmatch(given)
        expected = (self.here_bytes, self.size_bytes - 1, self.size_bytes)
        if not self.here_bytes or not found or tuple(map(int, found.groups())) != expected:
            start = f"byte {self.here_bytes} of {self.size_bytes}"
            self._refuse(f"was requested from {start}, but {given!r} arrived")
        if headers.get("ETag", self._etag) != self._etag:
            self._refuse("changed on the way, yet was continued")
        self.checksum = told_checksum(headers) or self.checksum

    def _start_over(self, headers: httpx.Headers) -> None:
        length = headers.get("Content-Length", "")
        if length != str(self.size_bytes):
            came = f"{length} were announced" if length else "it came without its length"
            self._refuse(f"should have {self.size_bytes} bytes, but {came}")
        self.forget()
        self.checksum = told_checksum(headers)
        if headers.get("ETag", "").startswith('"'):  # only a strong tag vouches for bytes
            self._etag = headers["ETag"]
            self._note()

    def _note(self) -> None:
        notes = {
            "url": self._expected.address,
            "etag": self._etag,
            "size_bytes": self.size_bytes,
            "checksum": self.checksum,
        }
        self._notes.unlink(missing_ok=True)
        with self._notes.open("x") as file:  # never through a link
            json.dump(notes, file)


@contextmanager
def opened_part(path: Path) -> Iterator[BinaryIO]:
    """Open `<path>.part` for this process alone, so that two downloads cannot weave one file.

    Raises:
        TransferError: another download holds it, or a folder has its name.
    """
    part = _beside(path, ".part")
    with open(_descriptor(part), "a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever held it may have finished since; then this file goes by the final name now.
            is_ours = os.path.samestat(os.fstat(file.fileno()), part.stat())
        except (BlockingIOError, FileNotFoundError):
            is_ours = False
        if not is_ours:
            raise TransferError(f"Another download writes {path.name} now.")
        try:
            yield file
        finally:
            if not file.seek(0, os.SEEK_END):
                part.unlink(missing_ok=True)
                _beside(path, ".part.json").unlink(missing_ok=True)


def _descriptor(part: Path) -> int:
    """Open a regular file that has this name alone; whatever else has it, such as a link, loses
    it.
    """
    with suppress(FileNotFoundError):
        found = part.lstat()
        if stat.S_ISDIR(found.st_mode):
            raise TransferError(f"What comes is kept in {part}, but that is a folder.")
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            part.unlink()
    return os.open(part, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o666)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
