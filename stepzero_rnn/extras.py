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
    lacking = [name for name in _DRAWING if find_spec(name) is None]
    if lacking:
        otherwise = "let a server draw: --server URL, or stepzero_rnn.client"
        raise MissingExtra(extra="torch", packages=lacking, otherwise=otherwise)
