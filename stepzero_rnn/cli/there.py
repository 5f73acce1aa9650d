"""What is there already where a file is to go: whether it may stay, and what is known of it."""

from __future__ import annotations

import zipfile
from pathlib import Path

from stepzero_rnn.cli.writing import sha256
from stepzero_rnn.errors import RequestError
from stepzero_rnn.formats.segments import is_frame_of
from stepzero_rnn.pipeline.job import Job
from stepzero_rnn.targets import takes_a_stream

WITHOUT_CHECKSUMS = frozenset({"safetensors"})


def is_in_the_way(path: Path) -> bool:
    """Whether a file would take the place of another at `path`."""
    return path.exists() and not takes_a_stream(path)


def left(path: Path, job: Job, *, skip_existing: bool) -> str | None:
    """Return the sha256 of a file that may stay; None where nothing in the file proves its weights.

    Raises:
        RequestError: it may not stay: that was not asked for, or it is not what would be written.
    """
    if not skip_existing:
        raise RequestError(
            f"{path} is there already; --force replaces it, --skip-existing leaves it."
        )
    with path.open("rb") as file:
        if not is_frame_of(file, job.segments):
            raise RequestError(
                f"{path} is there already, and is not this recipe's file; --force replaces it."
            )
    if job.format.name in WITHOUT_CHECKSUMS:
        return None
    if not _has_its_checksums(path):
        raise RequestError(
            f"{path} is there already, but its bytes do not have its checksums; --force replaces it."
        )
    return sha256(path)


def _has_its_checksums(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as file:
            return file.testzip() is None
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError):
        return False
