"""Waiting for other threads and processes."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_for(reached: Callable[[], object], *, within_s: float) -> bool:
    """Return whether something comes true in time."""
    deadline_s = time.monotonic() + within_s
    while not reached() and time.monotonic() < deadline_s:
        time.sleep(0.01)
    return bool(reached())
