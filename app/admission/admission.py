"""Admission: a request gets the resources it needs, waits for them, or is rejected as busy."""

from __future__ import annotations

import asyncio
import math

from app.admission.budget import Budget, Claim
from app.admission.parts import share_of
from stepzero_rnn.errors import Busy, TooLarge
from stepzero_rnn.pipeline.costs import Cost

NAMES = {"host_bytes": "memory to make the checkpoint"}


class Admission:
    """Admission to a budget, for coroutines of any event loop.

    Args:
        max_waiting: maximum length of the queue; further claims are rejected at once.
        max_wait_s: how long a claim may wait.
    """

    def __init__(self, budget: Budget, *, max_waiting: int, max_wait_s: float) -> None:
        self.budget = budget
        self._max_waiting = max_waiting
        self._max_wait_s = max_wait_s

    @property
    def is_saturated(self) -> bool:
        """Whether a claim has waited for the maximum time, other than for its own caller's claims;
        new requests would be rejected.
        """
        return self.budget.waiting > 0 and self.budget.oldest_wait_s() >= self._max_wait_s

    async def admit(
        self,
        cost: Cost,
        *,
        caller: str | None = None,
        is_under_way: bool = False,
        max_wait_s: float | None = None,
    ) -> Claim:
        """Wait until a cost fits the budget; the caller of this method returns the claim later.

        Args:
            caller: whose share it is charged to; None for no one's.
            is_under_way: whether the request already holds another claim.
            max_wait_s: how long this claim may wait; the default is that of all claims.

        Raises:
            TooLarge: the cost exceeds the whole budget.
            Busy: the queue is full, or this claim waited too long.
        """
        max_wait_s = self._max_wait_s if max_wait_s is None else max_wait_s
        self._require_possible(cost)
        loop, granted = asyncio.get_running_loop(), asyncio.Event()
        claim = self.budget.ask(
            cost,
            lambda: loop.call_soon_threadsafe(granted.set),
            caller=caller,
            is_under_way=is_under_way,
        )
        if claim.is_held:
            return claim
        if not is_under_way and self._is_full(caller):
            raise self._busy(claim, cost, "the queue is full")
        try:
            async with asyncio.timeout(max_wait_s if max_wait_s < math.inf else None):
                await granted.wait()
        except TimeoutError:
            raise self._busy(
                claim, cost, f"no capacity became free within {max_wait_s:g} s"
            ) from None
        except BaseException:
            self.budget.give_back(claim)
            raise
        return claim

    def _require_possible(self, cost: Cost) -> None:
        lacking = self.budget.lacks(cost)
        if lacking is not None:
            raise TooLarge(
                what=NAMES.get(lacking, f"memory on {lacking}"),
                planned_bytes=cost[lacking],
                limit_bytes=self.budget.totals.get(lacking, 0),
            )

    def _is_full(self, caller: str | None) -> bool:
        """Whether the queue, or the caller's share of it, is full."""
        if self.budget.waiting > self._max_waiting:
            return True
        of_caller = self.budget.waiting_of(caller) if caller is not None else 0
        return of_caller > share_of(self._max_waiting)

    def _busy(self, claim: Claim, cost: Cost, reason: str) -> Busy:
        """Withdraw a claim; return an error that estimates when to retry."""
        self.budget.give_back(claim)
        again_s = math.ceil(self.budget.expected_wait_s(cost, claim.caller))
        return Busy(reason=reason, waiting=self.budget.waiting, retry_after_s=max(again_s, 1))
