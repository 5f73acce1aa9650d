"""What was learned of recent recipes, so that it need not be learned again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import TypeVar

from cachetools import LRUCache

T = TypeVar("T")


class FactStore:
    """A bounded memory of small facts, the least recently used forgotten first; shared by threads."""

    def __init__(self, most: int) -> None:
        self._facts: LRUCache[Hashable, object] = LRUCache(most)
        self._lock = threading.Lock()

    def peek(self, key: Hashable, kind: type[T]) -> T | None:
        """Give a fact if it is known."""
        with self._lock:
            fact = self._facts.get(key)
        return fact if isinstance(fact, kind) else None

    def learn(self, key: Hashable, kind: type[T], find_out: Callable[[], T]) -> T:
        """Give a fact, found out now if it is not known.  Two askers at once may both find out."""
        known = self.peek(key, kind)
        if known is None:
            known = find_out()
            with self._lock:
                self._facts[key] = known
        return known
