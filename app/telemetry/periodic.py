"""What a server does beside its requests, again and again, whatever becomes of one time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

_log = logging.getLogger("stepzero")


async def keep(work: Callable[[], Awaitable[object]], every_s: float) -> None:
    """Do some work, and again after each pause, for as long as the caller lets it.

    A failure, as where there are no more threads, is logged, the first in a row alone; the next
    time comes all the same.
    """
    has_failed = False
    while True:
        try:
            await work()
            has_failed = False
        except Exception:  # noqa: BLE001 - it is logged, with its traceback
            if not has_failed:
                _log.exception("a task beside the requests failed; it goes on")
            has_failed = True
        await asyncio.sleep(every_s)
