"""Optional parts of the installation: whatever needs one asks here first."""

from __future__ import annotations

from importlib.util import find_spec

from stepzero_rnn.errors import MissingExtra

_DRAWING = ("torch", "numba", "scipy")


def require_torch() -> None:
    """Refuse to draw if the extra `torch` is not installed.

    Raises:
        MissingExtra: it is not; the error says how to install it, and what works without it.
    """
    otherwise = "let a server draw: --server URL, or stepzero_rnn.client"
    _require("torch", _DRAWING, otherwise)


def require_matplotlib() -> None:
    """Refuse to make a report if the extra `report` is not installed.

    Raises:
        MissingExtra: it is not; the error says how to install it.
    """
    otherwise = "use a server that has it: --server URL, or stepzero_rnn.client"
    _require("report", ("matplotlib",), otherwise)


def require_reader(package: str, otherwise: str) -> None:
    """Refuse to read a file if its parser, of the extra `readers`, is not installed.

    Raises:
        MissingExtra: it is not; the error says how to install it, or `otherwise`.
    """
    _require("readers", (package,), otherwise)


def _require(extra: str, packages: tuple[str, ...], otherwise: str) -> None:
    lacking = [name for name in packages if find_spec(name) is None]
    if lacking:
        raise MissingExtra(extra=extra, packages=lacking, otherwise=otherwise)
