"""Writes a checkpoint, drawn locally or downloaded, to a file, a pipe or stdout."""

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
    """Write a checkpoint's file to `path` and return its sha256.

    A device or pipe at `path` is written to; a regular file is replaced.

    Args:
        path: None means stdout.
        there: the server that draws it; None means this machine.
        replace: whether to replace a file that exists when the new one is complete.

    Raises:
        FileExistsError: a file exists, and `replace` is false.
        KeyboardInterrupt, TransferError: the message says how much of the file was saved.
    """
    if path is None:
        require_stdout("checkpoint")
    try:
        with _tidy_at_sigterm():
            if there is None:
                return _draw(job, path, replace=replace)
            if path is None or targets.takes_a_stream(path):
                return _pass_on(job, path, there)
            _fetch(job, path, there, replace=replace)
            return sha256(path)
    except KeyboardInterrupt as error:
        left = _saved(path) or f"No complete file was written to {path or 'stdout'}."
        raise KeyboardInterrupt(f"Stopped. {left}") from error
    except TransferError as error:
        raise TransferError(f"{error.detail} {_saved(path)}".rstrip(), **error.facts) from error


def require_stdout(what: str) -> None:
    """Refuse to write binary data to a terminal, or to a stdout that is closed."""
    if not _has_stdout():
        raise RequestError(f"stdout is closed; there is nowhere to write the {what}.")
    if sys.stdout.isatty():
        raise RequestError(f"A {what} is binary; redirect stdout to a file or a pipe.")


def is_stdout(path: Path | None) -> bool:
    """Whether `path` is stdout, under any name."""
    if path is None or str(path) == "-":
        return path is not None
    if not _has_stdout():
        return False
    with suppress(OSError, ValueError):  # no such file yet, or stdout is not a file
        return targets.takes_a_stream(path) and os.path.samestat(
            path.stat(), os.fstat(sys.stdout.fileno())
        )
    return False


def _has_stdout() -> bool:
    """Whether stdout is open; if the shell closed it, `sys.stdout` is None."""
    stdout: object = sys.stdout
    return stdout is not None


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _tidy_at_sigterm() -> Iterator[None]:
    """Raise SystemExit at SIGTERM in the block, so that no unfinished file is left behind."""

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
    """Download a file, and write it once it is complete: a pipe gets all or nothing."""
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
    part_bytes = _part_bytes(path)  # possibly of another file
    with making(job, is_there=True) as show, there.connect() as client:

        def on_progress(done: int, total: int) -> None:
            nonlocal part_bytes
            if 0 < part_bytes <= done:
                notice(f"Resuming at {size(part_bytes)} of {size(total)}.")
            part_bytes = 0
            show(done, total)

        client.download(
            job.spec, path, format=name, device=device, progress=on_progress, replace=replace
        )


def _saved(path: Path | None) -> str:
    """Return how much of an interrupted download was saved and how to resume; else nothing."""
    saved_bytes = _part_bytes(path) if path else 0
    if not (path and saved_bytes):
        return ""
    return f"{size(saved_bytes)} are saved in {_part(path)}; run the same command again to resume."


def _part_bytes(path: Path) -> int:
    part = _part(path)
    return part.stat().st_size if part.is_file() else 0


def _part(path: Path) -> Path:
    """Return where the client saves an incomplete download."""
    target = targets.at_the_end_of_links(path)
    return target.with_name(f"{target.name}.part")
