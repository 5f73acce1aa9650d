"""An existing file at the output path: whether it may stay, and its checksum."""

from __future__ import annotations

import zipfile
from pathlib import Path

from stepzero_rnn.cli.writing import sha256
from stepzero_rnn.errors import RequestError
from stepzero_rnn.formats.segments import Deferred, is_frame_of
from stepzero_rnn.pipeline.job import Job
from stepzero_rnn.targets import takes_a_stream


def is_in_the_way(path: Path) -> bool:
    """Whether writing `path` would replace an existing file."""
    return path.exists() and not takes_a_stream(path)


def left(path: Path, job: Job, *, skip_existing: bool) -> str | None:
    """Return the sha256 of an existing file that stays; None if its format has no checksums.

    Raises:
        RequestError: the file may not stay: `skip_existing` is false, or it is not the file that
            would be written.
    """
    if not skip_existing:
        raise RequestError(
            f"{path} already exists; use --force to replace it or --skip-existing to keep it."
        )
    with path.open("rb") as file:
        if not is_frame_of(file, job.segments):
            raise RequestError(
                f"{path} already exists and is not this recipe's file; use --force to replace it."
            )
    if not any(isinstance(segment, Deferred) for segment in job.segments):
        return None
    if not _has_its_checksums(path):
        raise RequestError(
            f"{path} already exists, but does not match its checksums; use --force to replace it."
        )
    return sha256(path)


def _has_its_checksums(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as file:
            return file.testzip() is None
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError):
        return False
