"""What was freed goes back to the system."""

from __future__ import annotations

import asyncio
import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from app.service.memory import ARENAS, keep_giving_back
from tests.awaiting import result_of

pytestmark = pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"), reason="the C library is not glibc"
)
PIECE, PIECES = 100_000, 2_000  # bytes, each too small for pages of its own
WITH_EIGHT_THREADS = """
import ctypes, threading
from app.service.memory import keep_few_arenas
from tests.awaiting import result_of
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


def resident_bytes() -> int:
    """Give how much memory this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def arenas(call: str) -> int:
    """Count the arenas of a process with eight threads that made a call first."""
    command = [sys.executable, "-c", WITH_EIGHT_THREADS.format(call=call)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stderr.count("Arena ")


async def give_back_for_a_moment() -> None:
    """Give back some times."""
    giving = asyncio.create_task(keep_giving_back(every_s=0.01))
    await asyncio.sleep(0.5)
    giving.cancel()


def test_freed_memory_is_given_back_though_some_between_is_held() -> None:
    pieces = [bytearray(b"x" * PIECE) for _ in range(PIECES)]
    held = pieces[::100]
    full = resident_bytes()
    del pieces
    result_of(give_back_for_a_moment())
    assert full - resident_bytes() > PIECE * PIECES * 0.8
    assert len(held) == PIECES // 100


def test_threads_share_arenas() -> None:
    assert arenas("keep_few_arenas()") <= ARENAS < arenas("")
