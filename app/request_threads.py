"""Threads on which requests block; without a free one, a request waits and is then rejected."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import anyio

from stepzero_rnn.errors import Busy

T = TypeVar("T")


class RequestThreads:
    """A limited number of threads that wait and copy; drawing has its own pool.

    Args:
        max_wait_s: how long a request may wait for a thread.
    """

    def __init__(self, count: int, *, max_wait_s: float) -> None:
        self._free = anyio.CapacityLimiter(count)
        self._max_wait_s = max_wait_s
        self._unlimited = anyio.CapacityLimiter(math.inf)

    async def run(self, work: Callable[[], T], *, max_wait_s: float | None = None) -> T:
        """Run work on a thread.

        Args:
            max_wait_s: how long this call may wait for a thread; the default is that of all.

        Raises:
            Busy: no thread became free in time.
        """
        mine = object()
        await self._take(mine, self._max_wait_s if max_wait_s is None else max_wait_s)
        try:
            return await anyio.to_thread.run_sync(work, limiter=self._unlimited)
        finally:
            self._free.release_on_behalf_of(mine)

    async def _take(self, mine: object, max_wait_s: float) -> None:
        try:
            self._free.acquire_on_behalf_of_nowait(mine)
        except anyio.WouldBlock:
            with anyio.move_on_after(max_wait_s):
                await self._free.acquire_on_behalf_of(mine)
                return
            waiting = self._free.statistics().tasks_waiting
            reason = f"no thread became free within {max_wait_s:g} s"
            raise Busy(reason=reason, waiting=waiting, retry_after_s=1) from None
