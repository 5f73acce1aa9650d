"""Who finds no thread free waits no longer than a request may, and leaves none behind."""

from __future__ import annotations

import math
import threading

import anyio
import pytest
from anyio.from_thread import start_blocking_portal

from app.request_threads import RequestThreads
from stepzero_rnn.errors import Busy


def test_who_finds_no_thread_is_told_to_come_again_and_who_may_wait_is_served():
    release = threading.Event()
    done: list[str] = []

    async def work() -> None:
        threads = RequestThreads(1, max_wait_s=0)
        async with anyio.create_task_group() as group:
            group.start_soon(threads.run, release.wait)
            await anyio.sleep(0.01)
            with pytest.raises(Busy, match="no thread became free within 0 s"):
                await threads.run(lambda: done.append("refused"))
            release.set()
            await threads.run(lambda: done.append("patient"), max_wait_s=math.inf)
        await threads.run(lambda: done.append("free again"))

    with start_blocking_portal() as portal:  # the browser tests leave a loop in this thread
        portal.call(work)

    assert done == ["patient", "free again"]
