"""Puts a checkpoint where it was asked for: drawn here or fetched from a server, into a file, a
pipe or stdout.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stepzero_rnn import targets
from stepzero_rnn.cli.notices import notice
from stepzero_rnn.cli.progress import making, size
from stepzero_rnn.cli.remote import Remote
from stepzero_rnn.errors import RequestError, TransferError
from stepzero_rnn.pipeline.job import Job

Show = Callable[[int, int], None]


def write(job: Job, path: Path | None, there: Remote | None, *, replace: bool = True) -> str:
    """Write a checkpoint's file to `path`, or into what stands there if that takes a stream; give
    its sha256.

    Args:
        path: None is stdout.
        there: who draws it; None is this machine.
        replace: take the place of a file that is there by the end.

    Raises:
        FileExistsError: there is one, and it is not to be replaced.
        KeyboardInterrupt, TransferError: with what is left.
    """
    if path is None and not _has_stdout():
        raise RequestError("stdout is closed; there is nowhere to write to.")
    if path is None and sys.stdout.isatty():
        raise RequestError("A terminal cannot show a checkpoint; send stdout to a file or a pipe.")
    try:
        with _tidy_at_sigterm():
            if there is None:
                return _draw(job, path, replace=replace)
            if path is None or targets.takes_a_stream(path):
                return _pass_on(job, path, there)
            _fetch(job, path, there, replace=replace)
            return sha256(path)
    except KeyboardInterrupt as error:
        left = _kept(path) or f"{path or 'stdout'} has no whole file."
        raise KeyboardInterrupt(f"Stopped. {left}") from error
    except TransferError as error:
        raise TransferError(f"{error.detail} {_kept(path)}".rstrip(), **error.facts) from error


def is_stdout(path: Path | None) -> bool:
    """Whether a file for `path` goes to stdout, by whatever name."""
    if path is None or str(path) == "-":
        return path is not None
    if not _has_stdout():
        return False
    with suppress(OSError, ValueError):  # there is no such file yet; stdout is no file
        return targets.takes_a_stream(path) and os.path.samestat(
            path.stat(), os.fstat(sys.stdout.fileno())
        )
    return False


def _has_stdout() -> bool:
    """Whether the shell has left stdout open; Python has None in its place if not."""
    stdout: object = sys.stdout
    return stdout is not None


def sha256(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _tidy_at_sigterm() -> Iterator[None]:
    """Leave by an exception at SIGTERM in the block, so that no unfinished file stays."""

    def stop(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _draw(job: Job, path: Path | None, *, replace: bool) -> str:
    from stepzero_rnn import drawing

    with making(job) as show:
        return _send(drawing.stream(job), path, job.size_bytes, show, replace=replace)


def _pass_on(job: Job, path: Path | None, there: Remote) -> str:
    """Fetch a file, and write it once it is whole: a pipe gets all or nothing."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, job.file_name())
        _fetch(job, file, there)
        return _send(targets.read(file), path, job.size_bytes)


def _send(
    chunks: Iterable[targets.Chunk],
    path: Path | None,
    size_bytes: int,
    show: Show | None = None,
    *,
    replace: bool = True,
) -> str:
    digest = hashlib.sha256()

    def hashed() -> Iterator[targets.Chunk]:
        for chunk in chunks:
            digest.update(chunk)
            yield chunk

    if path is not None:
        targets.write(path, hashed(), size_bytes=size_bytes, progress=show, replace=replace)
        return digest.hexdigest()
    for chunk in hashed():
        sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()
    return digest.hexdigest()


def _fetch(job: Job, path: Path, there: Remote, *, replace: bool = True) -> None:
    name, device = job.format.name, job.serving.device
    found_bytes = _part_bytes(path)  # they may turn out to be of another file
    with making(job, is_there=True) as show, there.connect() as client:

        def told(done: int, total: int) -> None:
            nonlocal found_bytes
            if 0 < found_bytes <= done:
                notice(f"Going on from {size(found_bytes)} of {size(total)}.")
            found_bytes = 0
            show(done, total)

        client.download(job.spec, path, format=name, device=device, progress=told, replace=replace)


def _kept(path: Path | None) -> str:
    """Say what is kept of a file that broke off, and how to go on; nothing where nothing is."""
    kept_bytes = _part_bytes(path) if path else 0
    if not (path and kept_bytes):
        return ""
    return f"{size(kept_bytes)} are kept in {_part(path)}; the same command goes on from there."


def _part_bytes(path: Path) -> int:
    part = _part(path)
    return part.stat().st_size if part.is_file() else 0


def _part(path: Path) -> Path:
    """Return where the client keeps what has come of a file."""
    target = targets.at_the_end_of_links(path)
    return target.with_name(f"{target.name}.part")
