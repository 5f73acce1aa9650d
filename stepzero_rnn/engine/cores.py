"""The processor's cores as a resource that threads acquire in first-in, first-out order."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


def usable_cores() -> int:
    """Return the number of CPUs that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Cores:
    """Limits the threads that compute at once, those of the engine and torch's, to the number of
    cores.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._free = count
        self._line: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, count: int = 1) -> Iterator[None]:
        """Hold this number of cores, once they are free and no one else has waited longer."""
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
