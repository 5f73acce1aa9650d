"""What was learned of recent recipes, so that it need not be learned again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import TypeVar

from cachetools import LRUCache

from app.engine.workers import Stop

WAIT_S = 0.05
T = TypeVar("T")


class FactStore:
    """A bounded memory of small facts, the least recently used forgotten first; shared by threads."""

    def __init__(self, most: int) -> None:
        self._facts: LRUCache[Hashable, object] = LRUCache(most)
        self._sought: dict[Hashable, threading.Event] = {}
        self._lock = threading.Lock()

    def peek(self, key: Hashable, kind: type[T]) -> T | None:
        """Give a fact if it is known."""
        with self._lock:
            fact = self._facts.get(key)
        return fact if isinstance(fact, kind) else None

    def learn(self, key: Hashable, kind: type[T], find_out: Callable[[], T], stop: Stop) -> T:
        """Give a fact, found out now if it is not known.  Of several askers at once, one finds out.

        Raises:
            Stopped: `stop` was set while another asker was finding out.
        """
        while (known := self.peek(key, kind)) is None:
            with self._lock:
                sought = self._sought.get(key)
                mine = sought or self._sought.setdefault(key, threading.Event())
            if sought is None:
                return self._find(key, find_out, mine)
            sought.wait(WAIT_S)  # who looks may fail or be stopped; then somebody else has to
            stop.check()
        return known

    def _find(self, key: Hashable, find_out: Callable[[], T], found: threading.Event) -> T:
        try:
            fact = find_out()
            with self._lock:
                self._facts[key] = fact
        finally:
            with self._lock:
                del self._sought[key]
            found.set()
        return fact
