"""How long a client is waited for, and how much is drawn at a time for one that reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from stepzero_rnn.thresholds import MAX_CHUNK_BYTES, MIN_CHUNK_BYTES

GROWTH_AFTER = 3  # a reader that took so many times a size without delay gets that size
DELAY_S = 0.5


@dataclass(slots=True)
class TransferCredit:
    """How long one client may still be waited for.

    It has a credit of seconds: waiting for it uses them up, every byte that it takes or sends earns
    some, and there are never more than at the beginning.  So it may fall behind its least rate for
    `grace_s` at a time, and one that is not waited for owes nothing.

    Args:
        least_bytes_per_s: what it has to take, or to send.
        grace_s: the credit at the beginning.
    """

    min_bytes_per_s: float
    grace_s: float
    credit_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.credit_s = self.grace_s

    def moved(self, count_bytes: int, waited_s: float) -> None:
        """Learn that it was waited for, and that some bytes moved then."""
        earned_s = count_bytes / self.min_bytes_per_s
        self.credit_s = min(self.credit_s - waited_s + earned_s, self.grace_s)


@dataclass(slots=True)
class ChunkSizer:
    """The chunks of one stream, small for whoever reads slowly.

    Args:
        patience: what it has left for the reader.
        resize: asks whether chunks of a size may be held.
    """

    credit: TransferCredit
    resize: Callable[[int], bool]
    chunk_bytes: int = MIN_CHUNK_BYTES
    _run_bytes: int = 0

    def took(self, sent_bytes: int, waited_s: float) -> None:
        """Learn that the reader was waited for, and then took some bytes."""
        self.credit.moved(sent_bytes, waited_s)
        if waited_s > DELAY_S:
            self._run_bytes = 0
            self._choose(max(self.chunk_bytes // 2, MIN_CHUNK_BYTES))
            return
        self._run_bytes += sent_bytes
        if self._run_bytes >= 2 * GROWTH_AFTER * self.chunk_bytes:
            self._choose(min(2 * self.chunk_bytes, MAX_CHUNK_BYTES))

    def _choose(self, chunk_bytes: int) -> None:
        if chunk_bytes != self.chunk_bytes and self.resize(chunk_bytes):
            self.chunk_bytes = chunk_bytes
