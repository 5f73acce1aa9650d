"""Keeps the memory of a long-running process near what it uses.

glibc makes up to eight arenas a core, and what was freed in one of them serves no other: after
hours of chunks that one thread makes and another frees, a process holds twice what it uses.  With
few arenas, whose free pages are given back every few seconds, it does not, and a download takes no
longer (docs/operation.md has the figures).
"""

from __future__ import annotations

import ctypes
from functools import cache

import anyio

from app.telemetry.periodic import keep

ARENAS = 2
EVERY_S = 5.0
_M_ARENA_MAX = -8  # of mallopt, in malloc.h


def keep_few_arenas() -> None:
    """Let the threads of this process share arenas; those that there are already stay."""
    if libc := _glibc():
        libc.mallopt(_M_ARENA_MAX, ARENAS)


async def keep_giving_back(every_s: float = EVERY_S) -> None:
    """Return free pages back to the system from time to time, for as long as the caller lets it."""
    if libc := _glibc():
        await keep(lambda: anyio.to_thread.run_sync(libc.malloc_trim, 0), every_s)


@cache
def _glibc() -> ctypes.CDLL | None:
    """Return the C library, if it is the one that has these functions."""
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "gnu_get_libc_version") else None
