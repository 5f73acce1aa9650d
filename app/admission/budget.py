"""What may run at once: a weighted budget of bytes and slots, with two queues.

A claim is a cost by resource: bytes of host memory and of each device's memory, and compute slots.
It is granted at once, or waits in one of two first-in, first-out queues, for small and for large
claims:

- large claims use the common part; the first in the queue blocks those behind it, so it cannot
  starve;
- small claims use a reserve in addition to the common part, so large claims never block them; while
  no large claim waits they may use the common part as well.

A caller holds at most its share of either part, or one claim.  Its further claims wait without
blocking other callers.  A caller that holds a claim and needs another precedes those that hold
none; otherwise each could wait for the other.

Nothing here blocks or uses an event loop: a callback reports a claim that is granted later.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import MappingProxyType

from app.admission.parts import Claim, Part
from stepzero_rnn.pipeline.costs import Cost

__all__ = ["MAX_WAIT_S", "RESERVED", "SMALL", "Budget", "Claim"]
RESERVED = 8  # the reserve is 1/8 of each resource
SMALL = 4  # a small claim is at most 1/4 of the reserve
MAX_WAIT_S = 600.0
_RECENT = 0.2  # weight of the latest claim in the moving average of durations


class Budget:
    """Grants claims as long as their costs fit together; thread-safe.

    Args:
        totals: amounts for large claims, by resource; small claims have an extra reserve.
            Resources not named here are unlimited.
        small: maximum cost of a small claim, for resources not in `totals`.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        totals: Cost,
        *,
        small: Cost = MappingProxyType({}),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.totals: dict[str, int] = {}
        self.reserve: dict[str, int] = {}
        self._clock = clock
        self._common, self._small = Part(), Part()
        self._largest_small = dict(small)
        self._held: set[Claim] = set()
        self._lasts_s: dict[str, float] = {}
        self._lock = threading.Lock()
        self.add(totals)

    def add(self, totals: Cost) -> None:
        """Add resources, which limit the claims made from now on."""
        reserve = {name: max(total // RESERVED, 1) for name, total in totals.items()}
        with self._lock:
            self.totals |= totals
            self.reserve |= reserve
            self._common.add(totals)
            self._small.add(reserve)
            self._largest_small |= {name: max(n // SMALL, 1) for name, n in reserve.items()}

    def lacks(self, cost: Cost) -> str | None:
        """Return the name of a resource of which a cost exceeds the total, if there is one."""
        return next((name for name, n in cost.items() if n > self.totals.get(name, n)), None)

    def ask(
        self,
        cost: Cost,
        granted: Callable[[], object] = lambda: None,
        *,
        caller: str | None = None,
        is_under_way: bool = False,
    ) -> Claim:
        """Claim a cost; if the claim has to wait, `granted` is called later, from any thread.

        Args:
            caller: whose share it is charged to; None for no one's.
            is_under_way: whether the caller holds another claim meanwhile.

        Raises:
            ValueError: the cost exceeds the total, so the claim could never be granted.
        """
        if self.lacks(cost) is not None:
            raise ValueError(f"{cost} exceeds {self.totals}")
        counted, is_small = self._counted(cost), self._is_small(cost)
        claim = Claim(counted, is_small, granted, self._clock(), caller, is_under_way)
        with self._lock:
            self._part_of(claim).queue(claim)
            late = self._settle()
        _notify(late, besides=claim)
        return claim

    def give_back(self, claim: Claim) -> None:
        """Return what a claim holds, or withdraw it from the queue; idempotent."""
        with self._lock:
            if (part := claim.taken_from) is not None:
                self._held.remove(claim)
                self._return(claim, part, claim.cost)
                claim.taken_from = None
            elif claim in self._part_of(claim).line:
                self._part_of(claim).line.remove(claim)
            late = self._settle()
        _notify(late)

    def resize(self, claim: Claim, cost: Cost) -> bool:
        """Change the amount that a claim holds; return whether that was possible.

        Less is always possible; more only within the caller's share, and if enough is left for all
        waiting claims.
        """
        cost = self._counted(cost)
        with self._lock:
            part = claim.taken_from
            if part is None:
                return False
            change = {name: n - claim.cost.get(name, 0) for name, n in cost.items()}
            change |= {name: -n for name, n in claim.cost.items() if name not in cost}
            more = {name: amount for name, amount in change.items() if amount > 0}
            is_allowed = part.allows(claim.caller, more)
            if more and not (is_allowed and part.fits(self._with_what_others_wait_for(more))):
                return False
            part.take(claim.caller, more)
            less = {name: -amount for name, amount in change.items() if amount < 0}
            self._return(claim, part, less)
            claim.cost = cost
            late = self._settle()
        _notify(late)
        return True

    @property
    def waiting(self) -> int:
        """Number of waiting claims."""
        return len(self._small.line) + len(self._common.line)

    @property
    def held(self) -> int:
        """Number of claims granted and not returned."""
        return len(self._held)

    def used(self) -> dict[str, int]:
        """Return what all granted claims hold, by resource."""
        with self._lock:
            return {name: self._used(name) for name in self.totals}

    def oldest_wait_s(self) -> float:
        """Return the longest wait, ignoring claims that wait for their own callers' claims."""
        with self._lock:
            since_s = [claim.since_s for claim in self._contenders()]
            return self._clock() - min(since_s) if since_s else 0.0

    def waiting_of(self, caller: str | None) -> int:
        """Return the number of a caller's waiting claims."""
        with self._lock:
            return sum(claim.caller == caller for claim in self._common.line + self._small.line)

    def expected_wait_s(self, cost: Cost, caller: str | None = None) -> float:
        """Estimate how long a claim would wait: the amount missing for it and those before it,
        divided by the rate at which claims are returned.
        """
        with self._lock:
            part = self._small if self._is_small(cost) else self._common
            waits = (self._wait_for(n, c, part, caller) for n, c in self._counted(cost).items())
            return min(max(waits, default=0.0), MAX_WAIT_S)

    def _wait_for(self, name: str, amount: int, part: Part, caller: str | None) -> float:
        before = sum(claim.cost.get(name, 0) for claim in part.line)
        lacking = before + amount - part.room(caller, name)
        if lacking <= 0:
            return 0.0
        ages = [self._clock() - c.since_s for c in self._held if c.cost.get(name)]
        running_s = sum(ages) / len(ages) if ages else 0.0
        lasts_s = max(self._lasts_s.get(name, 0.0), running_s)
        return lasts_s * lacking / max(self._used(name), 1)

    def _used(self, name: str) -> int:
        free = self._common.free[name] + self._small.free[name]
        return self.totals[name] + self.reserve[name] - free

    def _contenders(self) -> list[Claim]:
        return [*self._common.contenders(), *self._small.contenders()]

    def _with_what_others_wait_for(self, more: Cost) -> Cost:
        waiting = self._contenders()
        return {n: m + sum(claim.cost.get(n, 0) for claim in waiting) for n, m in more.items()}

    def _counted(self, cost: Cost) -> Cost:
        return {name: amount for name, amount in cost.items() if name in self.totals}

    def _is_small(self, cost: Cost) -> bool:
        return all(n <= self._largest_small.get(name, n) for name, n in cost.items())

    def _part_of(self, claim: Claim) -> Part:
        return self._small if claim.is_small else self._common

    def _settle(self) -> list[Claim]:
        """Grant all claims that can be granted now, in order, and return them."""
        late = []
        for claim in self._common.contenders():
            if not self._common.fits(claim.cost):
                break
            late.append(self._grant(claim, self._common))
        is_common_wanted = next(self._common.contenders(), None) is not None
        parts = [self._small] if is_common_wanted else [self._small, self._common]
        held_back = set[str | None]()
        for claim in tuple(self._small.line):
            if claim.caller in held_back:
                continue
            if part := _with_room(parts, claim):
                late.append(self._grant(claim, part))
            elif self._small.allows(claim.caller, claim.cost):
                break
            else:
                held_back.add(claim.caller)
        return late

    def _grant(self, claim: Claim, part: Part) -> Claim:
        self._part_of(claim).line.remove(claim)
        part.take(claim.caller, claim.cost)
        claim.taken_from, claim.since_s = part, self._clock()
        self._held.add(claim)
        return claim

    def _return(self, claim: Claim, part: Part, cost: Cost) -> None:
        """Return a cost to the part it was taken from, and record how long it was held."""
        part.give(claim.caller, cost)
        lasted_s = self._clock() - claim.since_s
        for name in (name for name, amount in cost.items() if amount):
            mean_s = self._lasts_s.get(name, lasted_s)
            self._lasts_s[name] = mean_s + _RECENT * (lasted_s - mean_s)


def _with_room(parts: list[Part], claim: Claim) -> Part | None:
    """Return the first part that can grant a claim, or None."""
    return next(
        (p for p in parts if p.allows(claim.caller, claim.cost) and p.fits(claim.cost)), None
    )


def _notify(granted: list[Claim], besides: Claim | None = None) -> None:
    """Call the callbacks of claims granted after a wait, outside the lock."""
    for claim in granted:
        if claim is not besides:
            claim.granted()
