"""Progress notices: lines on stderr, unless the command was run with --json."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import typer

_IS_SILENT = ContextVar("is_silent", default=False)


def notice(sentence: str) -> None:
    """Print a progress notice to stderr, unless notices are silenced."""
    if not _IS_SILENT.get():
        typer.echo(sentence, err=True)


@contextmanager
def silent(is_silent: bool) -> Iterator[None]:
    """Silence notices in the block, if `is_silent`."""
    token = _IS_SILENT.set(is_silent)
    try:
        yield
    finally:
        _IS_SILENT.reset(token)
