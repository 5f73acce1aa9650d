"""Admission: a request gets what it costs, waits for it a while, or is told when to come again."""

from __future__ import annotations

import asyncio
import math

from app.admission.budget import Budget, Claim
from app.admission.parts import share_of
from stepzero_rnn.errors import Busy, TooLarge
from stepzero_rnn.pipeline.costs import Cost

NAMES = {"host_bytes": "memory to make the checkpoint"}


class Admission:
    """The door before a budget, for coroutines of any event loop.

    Args:
        most_waiting: claims in line; who comes after them is refused at once.
        most_wait_s: how long a claim may wait.
    """

    def __init__(self, budget: Budget, *, max_waiting: int, max_wait_s: float) -> None:
        self.budget = budget
        self._max_waiting = max_waiting
        self._max_wait_s = max_wait_s

    @property
    def is_saturated(self) -> bool:
        """Whether somebody has waited as long as anybody may, not for claims of its own: requests
        that cost anything are refused.
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
        """Return what something costs, once it is there; whoever calls gives it back to the budget.

        Args:
            caller: in whose share it counts; None is nobody in particular.
            is_under_way: whether it is for a request that holds a claim already.
            most_wait_s: how long this one may wait, if not as long as the others.

        Raises:
            TooLarge: it costs more than there is.
            Busy: too many wait, or this one waited too long.
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
            raise self._busy(claim, cost, "too many requests wait")
        try:
            async with asyncio.timeout(max_wait_s if max_wait_s < math.inf else None):
                await granted.wait()
        except TimeoutError:
            raise self._busy(claim, cost, f"no room within {max_wait_s:g} s") from None
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
        """Whether too many wait, or too many of a caller's."""
        if self.budget.waiting > self._max_waiting:
            return True
        own = self.budget.waiting_of(caller) if caller is not None else 0
        return own > share_of(self._max_waiting)

    def _busy(self, claim: Claim, cost: Cost, reason: str) -> Busy:
        """Take a claim out of the line, and say when it may be asked again."""
        self.budget.give_back(claim)
        again_s = math.ceil(self.budget.expected_wait_s(cost, claim.caller))
        return Busy(reason=reason, waiting=self.budget.waiting, retry_after_s=max(again_s, 1))
