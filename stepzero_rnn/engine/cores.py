"""The processor's cores as something to be taken and given back, first come first served."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


def usable_cores() -> int:
    """Count the processors this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Cores:
    """A number of cores, so that no more threads compute at once than there are: ours and
    torch's.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._free = count
        self._line: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, count: int = 1) -> Iterator[None]:
        """Wait until so many cores are free and nobody waits longer, and hold them."""
        self._take(min(count, self.count))
        try:
            yield
        finally:
            self._give_back(min(count, self.count))

    def _take(self, count: int) -> None:
        with self._changed:
            if self._line or self._free < count:
                me = object()
                self._line.append(me)
                self._changed.wait_for(lambda: self._line[0] is me and self._free >= count)
                self._line.popleft()
                self._changed.notify_all()
            self._free -= count

    def _give_back(self, count: int) -> None:
        with self._changed:
            self._free += count
            if self._line:
                self._changed.notify_all()
