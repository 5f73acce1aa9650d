"""How much is drawn at a time for one reader, and how long it is waited for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

LEAST_BYTES, MOST_BYTES = 64 << 10, 4 << 20
RUN_UP = 4  # a reader that took so many times a size without delay gets that size
DELAY_S = 0.5


@dataclass(slots=True)
class Pace:
    """The chunks of one stream, small for whoever reads slowly, and its patience.

    A reader has a credit of seconds: waiting for it uses them up, every byte that it takes earns some, and there are never
    more than at the beginning.  So a reader may fall behind its least rate for `grace_s` at a time, and one that is not
    waited for owes nothing.

    Args:
        least_bytes_per_s: what a reader has to take.
        grace_s: the credit at the beginning.
        resize: asks whether chunks of a size may be held.
    """

    least_bytes_per_s: float
    grace_s: float
    resize: Callable[[int], bool]
    chunk_bytes: int = LEAST_BYTES
    credit_s: float = field(init=False)
    _run_bytes: int = 0

    def __post_init__(self) -> None:
        self.credit_s = self.grace_s

    def took(self, sent_bytes: int, waited_s: float) -> None:
        """Learn that the reader was waited for, and then took some bytes."""
        earned_s = sent_bytes / self.least_bytes_per_s
        self.credit_s = min(self.credit_s - waited_s + earned_s, self.grace_s)
        if waited_s > DELAY_S:
            self._run_bytes = 0
            self._choose(max(self.chunk_bytes // 2, LEAST_BYTES))
            return
        self._run_bytes += sent_bytes
        if self._run_bytes >= 2 * RUN_UP * self.chunk_bytes:
            self._choose(min(2 * self.chunk_bytes, MOST_BYTES))

    def _choose(self, chunk_bytes: int) -> None:
        if chunk_bytes != self.chunk_bytes and self.resize(chunk_bytes):
            self.chunk_bytes = chunk_bytes
