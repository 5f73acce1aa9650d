"""Caches expensive tensors between the check that draws them and the stream that sends them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from stepzero_rnn.engine.draw import Stored


class TensorCache:
    """Holds drawn tensors of several checkpoints, up to a total number of bytes.

    The tensors of a check wait for one stream, which checks them out and frees their memory when it
    ends.  If space is needed, the checkpoint that has waited longest is evicted; one that is being
    streamed is not.
    """

    def __init__(self, max_bytes: int) -> None:
        self._free = max_bytes
        self._waiting: OrderedDict[bytes, dict[str, Stored]] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, checkpoint: bytes, name: str, stored: Stored) -> bool:
        """Store a tensor of a checkpoint if it fits; return whether it was stored."""
        with self._lock:
            while self._free < stored.nbytes and self._evict(sparing=checkpoint):
                pass
            if self._free < stored.nbytes or name in self._waiting.get(checkpoint, ()):
                return False
            self._waiting.setdefault(checkpoint, {})[name] = stored
            self._free -= stored.nbytes
            return True

    @contextmanager
    def checkout(self, checkpoint: bytes) -> Iterator[Mapping[str, Stored]]:
        """Lend a checkpoint's tensors, if any, to its stream, and free them when it ends."""
        with self._lock:
            tensors = self._waiting.pop(checkpoint, {})
        try:
            yield tensors
        finally:
            with self._lock:
                self._free += _bytes(tensors)

    def discard(self, checkpoint: bytes) -> None:
        """Free the tensors of a checkpoint that will not be streamed."""
        with self.checkout(checkpoint):
            pass

    def _evict(self, *, sparing: bytes) -> bool:
        """Drop the checkpoint that has waited longest, except `sparing`; return whether any was."""
        for checkpoint in self._waiting:
            if checkpoint != sparing:
                self._free += _bytes(self._waiting.pop(checkpoint))
                return True
        return False


def _bytes(tensors: Mapping[str, Stored]) -> int:
    return sum(stored.nbytes for stored in tensors.values())
