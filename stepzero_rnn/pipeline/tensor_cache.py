"""Tensors between the check that drew them and the stream that follows, where that is worth their
memory.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from stepzero_rnn.engine.draw import Stored


class TensorCache:
    """Holds drawn tensors of some checkpoints, up to a number of bytes for all of them together.

    What a check left here waits for one stream, which takes it and returns the room when it ends.
    A checkpoint that nobody came for makes room for the next, the longest waiting first; one that
    is being streamed does not.
    """

    def __init__(self, max_bytes: int) -> None:
        self._free = max_bytes
        self._waiting: OrderedDict[bytes, dict[str, Stored]] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, checkpoint: bytes, name: str, stored: Stored) -> bool:
        """Keep a tensor of a checkpoint if there is room; say whether it was kept."""
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
        """Return what waits for a checkpoint's stream, for as long as that runs; nothing, where
        nothing does.
        """
        with self._lock:
            mine = self._waiting.pop(checkpoint, {})
        try:
            yield mine
        finally:
            with self._lock:
                self._free += _bytes(mine)

    def discard(self, checkpoint: bytes) -> None:
        """Forget what waits for a checkpoint that will not be streamed."""
        with self.checkout(checkpoint):
            pass

    def _evict(self, *, sparing: bytes) -> bool:
        """Drop the longest waiting checkpoint but one; say whether there was any."""
        for checkpoint in self._waiting:
            if checkpoint != sparing:
                self._free += _bytes(self._waiting.pop(checkpoint))
                return True
        return False


def _bytes(tensors: Mapping[str, Stored]) -> int:
    return sum(stored.nbytes for stored in tensors.values())
