"""What a command says on the way: a line on stderr, where that is not to hold JSON alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import typer

_IS_SILENT = ContextVar("is_silent", default=False)


def notice(sentence: str) -> None:
    """Say how it goes, unless the command was asked for JSON."""
    if not _IS_SILENT.get():
        typer.echo(sentence, err=True)


@contextmanager
def silent(is_silent: bool) -> Iterator[None]:
    """Say nothing on the way in the block, if so."""
    token = _IS_SILENT.set(is_silent)
    try:
        yield
    finally:
        _IS_SILENT.reset(token)
