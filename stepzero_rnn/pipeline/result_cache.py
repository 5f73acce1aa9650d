"""What was learned of recent recipes, so that it need not be learned again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

from cachetools import LRUCache

from stepzero_rnn.engine.check.check import Checked
from stepzero_rnn.engine.thread_pool import Stop
from stepzero_rnn.plan import Plan
from stepzero_rnn.spec.checkpoint import CheckSize

WAIT_S = 0.05
PART = 8  # what is larger than one in so many of the whole is not remembered
T = TypeVar("T")

# Measured with CPython 3.11 on 64 bits, rounded up: a fact with its key; the figures of a tensor or
# gate; the hash or the checksum of one, by name; what is seen of a layer's direction, and of one of
# its time steps.
FACT_BYTES, FIGURES_BYTES, NAMED_BYTES, CELL_BYTES, STEP_BYTES = 512, 3584, 256, 1536, 40


class ResultCache:
    """A memory of facts that is bounded by bytes, the least recently used forgotten first; shared
    by threads.

    What takes more than an eighth of it is forgotten at once: it would put out too much else.
    """

    def __init__(self, max_bytes: int) -> None:
        self._results: LRUCache[Hashable, object] = LRUCache(max_bytes, getsizeof=bytes_of)
        self._sought: dict[Hashable, threading.Event] = {}
        self._lock = threading.Lock()

    @property
    def held_bytes(self) -> int:
        """What all facts together take."""
        return int(self._results.currsize)

    def keeps(self, size_bytes: int) -> bool:
        """Whether a fact of such a size is remembered."""
        return size_bytes <= self._results.maxsize // PART

    def get(self, key: Hashable, kind: type[T]) -> T | None:
        """Return a fact if it is known."""
        with self._lock:
            fact = self._results.get(key)
        return fact if isinstance(fact, kind) else None

    def get_or_compute(
        self, key: Hashable, kind: type[T], find_out: Callable[[], T], stop: Stop
    ) -> T:
        """Return a fact, found out now if it is not known.  Of several askers at once, one finds
        out.

        Raises:
            Stopped: `stop` was set while another asker was finding out.
        """
        while (known := self.get(key, kind)) is None:
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
            if self.keeps(bytes_of(fact)):
                with self._lock:
                    self._results[key] = fact
        finally:
            with self._lock:
                del self._sought[key]
            found.set()
        return fact


def bytes_of(fact: object) -> int:
    """Estimate what remembering a fact takes; counting every object would take longer than some
    facts are worth.
    """
    match fact:
        case Checked():
            figures = sum(1 + len(gates) for _, gates in fact.figures.values())
            named = len(fact.crc32) * NAMED_BYTES
            steps = sum(CELL_BYTES + STEP_BYTES * len(c.output_rms) for c in fact.forward.layers)
            return FACT_BYTES + named + figures * FIGURES_BYTES + steps
        case Mapping():
            return FACT_BYTES + sum((2 + len(gates)) * NAMED_BYTES for _, gates in fact.values())
        case _:
            return FACT_BYTES


def measured_bytes(plan: Plan, size: CheckSize) -> int:
    """Return what the measured check of a plan takes, as `bytes_of` would."""
    figures = sum(1 + len(tensor.gates) for tensor in plan.tensors)
    named = len(plan.tensors) * NAMED_BYTES
    steps = plan.spec.cells * (CELL_BYTES + STEP_BYTES * size.seq_len)
    return FACT_BYTES + named + figures * FIGURES_BYTES + steps
