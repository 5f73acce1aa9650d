"""The disk space of uploads in progress: claimed before it is written, released when an upload
ends.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from stepzero_rnn.errors import ArraysTooLarge, Busy

UNLIMITED_BYTES = 1 << 62
RETRY_AFTER_S = 10  # uploads take as long as their senders choose


class DiskBudget:
    """Disk space for the uploads in progress in this process; thread-safe.

    The bodies of one caller hold at most half of it, so a slow sender cannot lock the others out.
    Unpacked and canonical arrays may take more, for one upload of a caller at a time: their
    duration does not depend on the sender.
    """

    def __init__(self, total_bytes: int = UNLIMITED_BYTES) -> None:
        self.total_bytes = total_bytes
        self._claims: set[DiskClaim] = set()
        self._lock = threading.Lock()

    @property
    def share_bytes(self) -> int:
        """The most that the bodies of one caller may hold together."""
        return max(self.total_bytes // 2, 1)

    @property
    def held_bytes(self) -> int:
        with self._lock:
            return sum(claim.held_bytes for claim in self._claims)

    @contextmanager
    def opened(self, caller: str) -> Iterator[DiskClaim]:
        """Open an empty claim of a caller, which is released at the end of the block."""
        claim = DiskClaim(self, caller)
        with self._lock:
            self._claims.add(claim)
        try:
            yield claim
        finally:
            with self._lock:
                self._claims.remove(claim)

    def take(self, claim: DiskClaim, body_bytes: int, work_bytes: int) -> None:
        """Enlarge a claim, or raise as `DiskClaim.more`."""
        wanted_bytes = claim.held_bytes + body_bytes + work_bytes
        if wanted_bytes > self.total_bytes:
            what = "bytes on disk while it is processed"
            raise ArraysTooLarge(
                file="the upload", what=what, given=wanted_bytes, limit=self.total_bytes
            )
        with self._lock:
            others = [each for each in self._claims if each is not claim]
            siblings = [each for each in others if each.caller == claim.caller]
            sibling_bytes = sum(each.held_bytes for each in siblings)
            has_more = any(each.work_bytes if work_bytes else each.held_bytes for each in siblings)
            if has_more and sibling_bytes + wanted_bytes > self.share_bytes:
                raise _busy("the client's other uploads leave no disk space for this one")
            if sum(each.held_bytes for each in others) + wanted_bytes > self.total_bytes:
                raise _busy("the uploads in progress leave no disk space for this one")
            claim.body_bytes += body_bytes
            claim.work_bytes += work_bytes


class DiskClaim:
    """The disk space of one upload: for its body, and for processing it."""

    def __init__(self, budget: DiskBudget, caller: str) -> None:
        self.caller = caller
        self.body_bytes = self.work_bytes = 0
        self._budget = budget

    @property
    def held_bytes(self) -> int:
        return self.body_bytes + self.work_bytes

    def more(self, *, body_bytes: int = 0, work_bytes: int = 0) -> None:
        """Claim more, before it is written.

        Raises:
            ArraysTooLarge: it exceeds the whole budget.
            Busy: it does not fit at the moment.
        """
        self._budget.take(self, body_bytes, work_bytes)

    def end_work(self) -> None:
        """Release the space of the processing, after its files are deleted."""
        self.work_bytes = 0


def _busy(reason: str) -> Busy:
    return Busy(reason=reason, waiting=0, retry_after_s=RETRY_AFTER_S)
