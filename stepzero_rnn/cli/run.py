"""`stepzero warm` and `version`: commands about the installation."""

from __future__ import annotations

import typer

from stepzero_rnn.spec.canonical import STREAM_VERSION
from stepzero_rnn.version import __version__


def warm() -> None:
    """Compile all kernels now, so that the first request does not wait; for building images."""
    from stepzero_rnn.drawing import warm as compile_all

    compile_all()


def version() -> None:
    """Print the version and the stream version."""
    typer.echo(f"stepzero {__version__}, stream version {STREAM_VERSION}")
