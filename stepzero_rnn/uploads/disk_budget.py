"""How many bytes uploads under way may take on the disk: claimed before they are written, given
back when an upload ends.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from stepzero_rnn.errors import ArraysTooLarge, Busy

UNLIMITED_BYTES = 1 << 62
RETRY_AFTER_S = 10  # uploads last as long as their senders like


class DiskBudget:
    """Bytes for the uploads under way in this process; shared by threads.

    The bodies of one caller hold at most half of it, so nobody's keep all others out however slowly
    they come.  What arrays are unpacked to and written as may be more, for one upload of a caller
    at a time: no sender draws that out.
    """

    def __init__(self, total_bytes: int = UNLIMITED_BYTES) -> None:
        self.total_bytes = total_bytes
        self._claims: set[Claim] = set()
        self._lock = threading.Lock()

    @property
    def share_bytes(self) -> int:
        """What one caller's bodies may hold together."""
        return max(self.total_bytes // 2, 1)

    @property
    def held_bytes(self) -> int:
        """What all uploads hold."""
        with self._lock:
            return sum(claim.held_bytes for claim in self._claims)

    @contextmanager
    def opened(self, caller: str) -> Iterator[Claim]:
        """Return a caller's claim, of nothing yet; what it holds in the end is given back."""
        claim = Claim(self, caller)
        with self._lock:
            self._claims.add(claim)
        try:
            yield claim
        finally:
            with self._lock:
                self._claims.remove(claim)

    def take(self, claim: Claim, body_bytes: int, work_bytes: int) -> None:
        """Count more for a claim, or refuse it as `Claim` says."""
        wanted_bytes = claim.held_bytes + body_bytes + work_bytes
        if wanted_bytes > self.total_bytes:
            what = "bytes on the disk while it is taken in"
            raise ArraysTooLarge(
                file="the upload", what=what, given=wanted_bytes, limit=self.total_bytes
            )
        with self._lock:
            others = [each for each in self._claims if each is not claim]
            own = [each for each in others if each.caller == claim.caller]
            own_bytes = sum(each.held_bytes for each in own)
            has_more = any(each.work_bytes if work_bytes else each.held_bytes for each in own)
            if has_more and own_bytes + wanted_bytes > self.share_bytes:
                raise _busy("the caller's other uploads leave no disk for this one")
            if sum(each.held_bytes for each in others) + wanted_bytes > self.total_bytes:
                raise _busy("the uploads under way leave no disk for this one")
            claim.body_bytes += body_bytes
            claim.work_bytes += work_bytes


class Claim:
    """What one upload holds of the disk: for its body, and for the work on it."""

    def __init__(self, budget: DiskBudget, caller: str) -> None:
        self.caller = caller
        self.body_bytes = self.work_bytes = 0
        self._budget = budget

    @property
    def held_bytes(self) -> int:
        """Both together."""
        return self.body_bytes + self.work_bytes

    def more(self, *, body_bytes: int = 0, work_bytes: int = 0) -> None:
        """Hold more, before it is written.

        Raises:
            ArraysTooLarge: there is never so much.
            Busy: there is not so much for now.
        """
        self._budget.take(self, body_bytes, work_bytes)

    def end_work(self) -> None:
        """Return back what the work held, all of which is gone."""
        self.work_bytes = 0


def _busy(reason: str) -> Busy:
    return Busy(reason=reason, waiting=0, retry_after_s=RETRY_AFTER_S)
