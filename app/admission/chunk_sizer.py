"""How long a slow client is waited for, and the chunk size of a stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from stepzero_rnn.thresholds import MAX_CHUNK_BYTES, MIN_CHUNK_BYTES

GROWTH_AFTER = 3  # sizes that a client has to read without delay before it gets that size
DELAY_S = 0.5


@dataclass(slots=True)
class TransferCredit:
    """The time for which one client may still be waited for.

    Waiting for the client uses up seconds of credit; every byte transferred earns some, up to the
    initial amount.  So a client may fall behind the minimum rate for `grace_s` at a time, and a
    client that is never waited for loses no credit.

    Args:
        min_bytes_per_s: minimum rate of reading or sending.
        grace_s: the initial credit.
    """

    min_bytes_per_s: float
    grace_s: float
    credit_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.credit_s = self.grace_s

    def moved(self, count_bytes: int, waited_s: float) -> None:
        """Record a wait, and the bytes transferred during it."""
        earned_s = count_bytes / self.min_bytes_per_s
        self.credit_s = min(self.credit_s - waited_s + earned_s, self.grace_s)


@dataclass(slots=True)
class ChunkSizer:
    """Chooses the chunk size of one stream: small for a slow client.

    Args:
        credit: the client's transfer credit.
        resize: reserves memory for chunks of a size; returns False if there is too little.
    """

    credit: TransferCredit
    resize: Callable[[int], bool]
    chunk_bytes: int = MIN_CHUNK_BYTES
    _run_bytes: int = 0

    def took(self, sent_bytes: int, waited_s: float) -> None:
        """Record how long the client was waited for, and how many bytes it then read."""
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
