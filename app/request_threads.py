"""The threads that wait for requests; who finds none free waits a while, and is told to come
again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import anyio

from stepzero_rnn.errors import Busy

T = TypeVar("T")


class RequestThreads:
    """So many threads at once.  They wait and copy; drawing has a pool of its own.

    Args:
        most_wait_s: how long a request may wait for one.
    """

    def __init__(self, count: int, *, max_wait_s: float) -> None:
        self._free = anyio.CapacityLimiter(count)
        self._max_wait_s = max_wait_s
        self._unlimited = anyio.CapacityLimiter(math.inf)

    async def run(self, work: Callable[[], T], *, max_wait_s: float | None = None) -> T:
        """Do something on a thread.

        Args:
            most_wait_s: how long this may wait for one, if not as long as the others.

        Raises:
            Busy: there was none for so long.
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
            reason = f"no thread within {max_wait_s:g} s"
            raise Busy(reason=reason, waiting=waiting, retry_after_s=1) from None
