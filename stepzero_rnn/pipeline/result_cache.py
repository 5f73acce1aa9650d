"""Caches results of recent recipes, so that they are not computed again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

from cachetools import LRUCache

from stepzero_rnn.diagnostics.results import Diagnostics
from stepzero_rnn.engine.check.check import Checked
from stepzero_rnn.engine.thread_pool import Stop
from stepzero_rnn.plan import ForwardSize, Plan

WAIT_S = 0.05
PART = 8  # a result larger than 1/8 of the cache is not stored
T = TypeVar("T")

# Measured with 64-bit CPython 3.11, rounded up: a result with its key; the figures of a tensor or
# gate; a hash or checksum with its name; the activations of a layer's direction, and of each of its
# time steps.
RESULT_BYTES, FIGURES_BYTES, NAMED_BYTES, CELL_BYTES, STEP_BYTES = 512, 3584, 256, 1536, 40
DIAGNOSTICS_BYTES = 256 << 10  # several times their JSON


class ResultCache:
    """A thread-safe cache of results, bounded by bytes; the least recently used are evicted first.

    A result that takes more than an eighth of it is not stored: it would evict too many others.
    """

    def __init__(self, max_bytes: int) -> None:
        self._results: LRUCache[Hashable, object] = LRUCache(max_bytes, getsizeof=bytes_of)
        self._pending: dict[Hashable, threading.Event] = {}
        self._lock = threading.Lock()

    @property
    def held_bytes(self) -> int:
        """The estimated size of all cached results."""
        return int(self._results.currsize)

    def keeps(self, size_bytes: int) -> bool:
        """Whether a result of this size is stored."""
        return size_bytes <= self._results.maxsize // PART

    def get(self, key: Hashable, kind: type[T]) -> T | None:
        """Return a result if it is cached."""
        with self._lock:
            result = self._results.get(key)
        return result if isinstance(result, kind) else None

    def get_or_compute(
        self, key: Hashable, kind: type[T], compute: Callable[[], T], stop: Stop
    ) -> T:
        """Return a result, computed now if it is not cached; concurrent callers compute it once.

        Raises:
            Stopped: `stop` was set while another caller was computing.
        """
        while (cached := self.get(key, kind)) is None:
            with self._lock:
                pending = self._pending.get(key)
                done = pending or self._pending.setdefault(key, threading.Event())
            if pending is None:
                return self._compute(key, compute, done)
            pending.wait(WAIT_S)  # if the other caller fails or is stopped, another takes over
            stop.check()
        return cached

    def _compute(self, key: Hashable, compute: Callable[[], T], done: threading.Event) -> T:
        try:
            result = compute()
            if self.keeps(bytes_of(result)):
                with self._lock:
                    self._results[key] = result
        finally:
            with self._lock:
                del self._pending[key]
            done.set()
        return result


def bytes_of(result: object) -> int:
    """Estimate the size of a cached result; visiting every object would cost more than it saves."""
    match result:
        case Checked():
            figures = sum(1 + len(gates) for _, gates in result.figures.values())
            named_bytes = len(result.crc32) * NAMED_BYTES
            steps_bytes = sum(
                CELL_BYTES + STEP_BYTES * len(cell.output_rms) for cell in result.forward.layers
            )
            return RESULT_BYTES + named_bytes + figures * FIGURES_BYTES + steps_bytes
        case Diagnostics():
            return DIAGNOSTICS_BYTES
        case Mapping():
            names = sum(2 + len(gates) for _, gates in result.values())
            return RESULT_BYTES + names * NAMED_BYTES
        case _:
            return RESULT_BYTES


def measured_bytes(plan: Plan, size: ForwardSize) -> int:
    """Return what `bytes_of` the measured check of a plan will be."""
    figures = sum(1 + len(tensor.gates) for tensor in plan.tensors)
    named_bytes = len(plan.tensors) * NAMED_BYTES
    steps_bytes = plan.spec.cells * (CELL_BYTES + STEP_BYTES * size.seq_len)
    return RESULT_BYTES + named_bytes + figures * FIGURES_BYTES + steps_bytes
