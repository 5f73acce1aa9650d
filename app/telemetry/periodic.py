"""Periodic background tasks, which continue after a failure."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

_log = logging.getLogger("stepzero")


async def keep(work: Callable[[], Awaitable[object]], every_s: float) -> None:
    """Run work periodically, until cancelled.

    A failure (no thread can be started, say) is logged, only the first of several in a row, and
    does not end the task.
    """
    has_failed = False
    while True:
        try:
            await work()
            has_failed = False
        except Exception:  # noqa: BLE001 - logged with its traceback
            if not has_failed:
                _log.exception("a background task failed; it will run again")
            has_failed = True
        await asyncio.sleep(every_s)
