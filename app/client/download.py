"""Fetch one file, whole or not at all: resumed where it broke off, renamed when it is complete."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import httpx

from app.client.session import PassingFailure, Session
from app.errors import TransferError

Progress = Callable[[int, int], None]

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


def download(
    session: Session,
    address: str,
    path: Path,
    *,
    query: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Path:
    """Save what `address` names under `path`; `query` says how to make it, and changes no byte."""
    with _opened_part(path) as file:
        part = Part(path, address, file)

        def attempt() -> None:
            with session.get(address, query=query, headers=part.request_headers()) as response:
                part.begin(response)
                for chunk in response.iter_raw():
                    part.append(chunk)
                    if progress:
                        progress(part.here_bytes, part.size_bytes)
            if not part.is_whole:
                raise PassingFailure(part.error("ended early"))

        if not part.is_whole:
            session.patiently(attempt, reached=lambda: part.here_bytes)
        part.finish()
    return path


class Part:
    """A file under way: its bytes in `<path>.part`, in `<path>.part.json` what they belong to."""

    def __init__(self, path: Path, address: str, file: BinaryIO) -> None:
        self._path = path
        self._address = address
        self._file = file
        self._notes = _beside(path, ".part.json")
        self._etag = ""
        self.size_bytes = 0
        self.here_bytes = file.seek(0, os.SEEK_END)
        self._remember()

    @property
    def is_whole(self) -> bool:
        """Whether every byte is here."""
        return self.here_bytes == self.size_bytes > 0

    def request_headers(self) -> dict[str, str]:
        """Ask for the bytes that are missing, provided they are still of the same file."""
        plain = {"Accept-Encoding": "identity"}
        if not (self.here_bytes and self._etag):
            return plain
        return plain | {"Range": f"bytes={self.here_bytes}-", "If-Range": self._etag}

    def begin(self, response: httpx.Response) -> None:
        """Take in the head of an answer: it brings the missing bytes, or all of them anew.

        Raises:
            TransferError: it brings something else.
        """
        headers = response.headers
        if headers.get("Content-Type", "").startswith("text/") or "Content-Encoding" in headers:
            raise self.error("came as something else; is this a Step Zero server?")
        if response.status_code == httpx.codes.PARTIAL_CONTENT:
            self._continue(headers)
        else:
            self._start_over(headers)

    def append(self, chunk: bytes) -> None:
        """Add bytes to the end."""
        if self.here_bytes + len(chunk) > self.size_bytes:
            raise self.error("is longer than was announced")
        self._file.write(chunk)
        self.here_bytes += len(chunk)

    def finish(self) -> None:
        """Give the file its name, once its bytes are on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        _beside(self._path, ".part").replace(self._path)
        self._notes.unlink(missing_ok=True)

    def error(self, what: str) -> TransferError:
        """Say what went wrong with this file."""
        return TransferError(
            f"The file {self._path.name} {what}.",
            here_bytes=self.here_bytes,
            size_bytes=self.size_bytes,
        )

    def _remember(self) -> None:
        """Take up what an earlier process noted; forget its bytes if they are of something else."""
        with suppress(OSError, ValueError, TypeError, KeyError):
            notes = json.loads(self._notes.read_text())
            if notes["url"] == self._address:
                self._etag, self.size_bytes = str(notes["etag"]), int(notes["size_bytes"])
        if not self._etag or self.here_bytes > self.size_bytes:
            self._forget()

    def _forget(self) -> None:
        self._notes.unlink(missing_ok=True)
        self._file.truncate(0)
        self._etag, self.size_bytes, self.here_bytes = "", 0, 0

    def _continue(self, headers: httpx.Headers) -> None:
        given = headers.get("Content-Range", "")
        found = _CONTENT_RANGE.fullmatch(given)
        expected = (self.here_bytes, self.size_bytes - 1, self.size_bytes)
        if not self.here_bytes or not found or tuple(map(int, found.groups())) != expected:
            start = f"byte {self.here_bytes} of {self.size_bytes}"
            raise self.error(f"was asked for from {start}, but {given!r} came")
        if headers.get("ETag", self._etag) != self._etag:
            raise self.error("changed on the way, yet was continued")

    def _start_over(self, headers: httpx.Headers) -> None:
        self._forget()
        length = headers.get("Content-Length", "")
        if not length.isdecimal():
            raise self.error("came without its length")
        self.size_bytes = int(length)
        if headers.get("ETag", "").startswith('"'):  # only a strong tag vouches for bytes
            self._etag = headers["ETag"]
            notes = {"url": self._address, "etag": self._etag, "size_bytes": self.size_bytes}
            self._notes.write_text(json.dumps(notes))


@contextmanager
def _opened_part(path: Path) -> Iterator[BinaryIO]:
    """Open `<path>.part` for this process alone, so that two downloads cannot weave one file.

    Raises:
        TransferError: another download holds it.
    """
    part = _beside(path, ".part")
    with part.open("a+b") as file:
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


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
