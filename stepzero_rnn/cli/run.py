"""`stepzero warm` and `version`: the installation itself."""

from __future__ import annotations

import typer

import stepzero_rnn
from stepzero_rnn.spec.canonical import STREAM_VERSION


def warm() -> None:
    """Compile every kernel now, so that the first request need not wait; for building images."""
    from stepzero_rnn.drawing import warm as compile_all

    compile_all()


def version() -> None:
    """Say which release this is, and which stream version it draws."""
    typer.echo(f"stepzero {stepzero_rnn.__version__}, stream version {STREAM_VERSION}")
