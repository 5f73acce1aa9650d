"""What was freed goes back to the system."""

from __future__ import annotations

import asyncio
import ctypes
import os
import subprocess
import sys

import pytest
from anyio.from_thread import start_blocking_portal

from app.telemetry.memory import ARENAS, keep_giving_back
from tests.api.asking import resident_bytes

pytestmark = pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"), reason="the C library is not glibc"
)
PIECE, PIECES = 100_000, 2_000  # bytes, each too small for pages of its own
WITH_EIGHT_THREADS = """
import ctypes, threading
from app.telemetry.memory import keep_few_arenas
{call}
together = threading.Barrier(8)
def work():
    held = bytearray(100_000)
    together.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
ctypes.CDLL(None).malloc_stats()
"""


def arenas(call: str) -> int:
    """Count the arenas of a process with eight threads that made a call first."""
    command = [sys.executable, "-c", WITH_EIGHT_THREADS.format(call=call)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stderr.count("Arena ")


async def give_back_for_a_moment() -> None:
    """Return back some times."""
    giving = asyncio.create_task(keep_giving_back(every_s=0.01))
    await asyncio.sleep(0.5)
    giving.cancel()


def test_freed_memory_is_given_back_though_some_between_is_held() -> None:
    pieces = [bytearray(b"x" * PIECE) for _ in range(PIECES)]
    held = pieces[::100]
    full = resident_bytes(os.getpid())
    del pieces
    with start_blocking_portal() as portal:  # the browser tests leave a loop in this thread
        portal.call(give_back_for_a_moment)
    assert full - resident_bytes(os.getpid()) > PIECE * PIECES * 0.8
    assert len(held) == PIECES // 100


def test_threads_share_arenas() -> None:
    assert arenas("keep_few_arenas()") <= ARENAS < arenas("")
