"""Keeps the memory of a long-running process close to what it uses.

glibc creates up to eight arenas per core, and memory freed in one cannot be reused by another:
after hours of chunks allocated by one thread and freed by another, a process holds twice what it
uses.  With few arenas, whose free pages are returned to the system every few seconds, it does not,
and downloads are as fast (see docs/operation.md for figures).
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
    """Make the threads of this process share arenas; existing arenas remain."""
    if libc := _glibc():
        libc.mallopt(_M_ARENA_MAX, ARENAS)


async def keep_giving_back(every_s: float = EVERY_S) -> None:
    """Return free pages to the system periodically, until cancelled."""
    if libc := _glibc():
        await keep(lambda: anyio.to_thread.run_sync(libc.malloc_trim, 0), every_s)


@cache
def _glibc() -> ctypes.CDLL | None:
    """Return the C library if it is glibc."""
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "gnu_get_libc_version") else None
