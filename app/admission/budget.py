"""What may run at once: a weighted budget of bytes and slots, and the lines before it.

A claim is a cost, by resource: bytes of memory here and on each device, and slots to compute.  It
is granted at once, or waits in one of two lines, for small and for large claims, each first come
first served:

- large claims take from the common part; the first in line holds back the others of its line, so it
cannot starve;
- small claims take from a reserve of their own, on top of the common part, so they are never stuck
behind large ones;
  while no large claim waits they may take from the common part as well.

A caller holds at most its share of either part, or one claim.  What it asks beyond that waits
without holding anybody else back.  Who holds a claim and asks for another goes before all who hold
none, or each might wait for the other.

Nothing here waits or knows of an event loop: a claim that was granted late says so by a call.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import MappingProxyType

from app.admission.parts import Claim, Part
from stepzero_rnn.pipeline.costs import Cost

__all__ = ["MAX_WAIT_S", "RESERVED", "SMALL", "Budget", "Claim"]
RESERVED = 8  # the reserve is one in so many of each resource
SMALL = 4  # a small claim is at most one in so many of the reserve
MAX_WAIT_S = 600.0
_RECENT = 0.2  # weight of the latest claim in what is known of how long they last


class Budget:
    """Grants claims as long as their costs fit together; shared by threads.

    Args:
        totals: what there is for large claims, by resource; small claims have a reserve on top.  Of
            what is not named here a claim may cost any amount.
        small: what a small claim may cost of that, where it may not be any amount.
        clock: gives seconds that never go back.
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
        """Count further resources from now on, in the claims that are asked from now on."""
        reserve = {name: max(total // RESERVED, 1) for name, total in totals.items()}
        with self._lock:
            self.totals |= totals
            self.reserve |= reserve
            self._common.add(totals)
            self._small.add(reserve)
            self._largest_small |= {name: max(n // SMALL, 1) for name, n in reserve.items()}

    def lacks(self, cost: Cost) -> str | None:
        """Name the resource of which a claim wants more than there is, if there is one."""
        return next((name for name, n in cost.items() if n > self.totals.get(name, n)), None)

    def ask(
        self,
        cost: Cost,
        granted: Callable[[], object] = lambda: None,
        *,
        caller: str | None = None,
        is_under_way: bool = False,
    ) -> Claim:
        """Claim what something costs; `granted` is called, by any thread, if it has to wait.

        Args:
            caller: in whose share it counts; None is nobody in particular.
            is_under_way: whether who asks holds another claim meanwhile.

        Raises:
            ValueError: it costs more than there is, so it would wait for ever.
        """
        if self.lacks(cost) is not None:
            raise ValueError(f"{cost} is more than {self.totals}")
        counted, is_small = self._counted(cost), self._is_small(cost)
        claim = Claim(counted, is_small, granted, self._clock(), caller, is_under_way)
        with self._lock:
            self._part_of(claim).queue(claim)
            late = self._settle()
        _tell(late, besides=claim)
        return claim

    def give_back(self, claim: Claim) -> None:
        """Return what a claim holds, or take it out of the line; once more does nothing."""
        with self._lock:
            if (part := claim.taken_from) is not None:
                self._held.remove(claim)
                self._return(claim, part, claim.cost)
                claim.taken_from = None
            elif claim in self._part_of(claim).line:
                self._part_of(claim).line.remove(claim)
            late = self._settle()
        _tell(late)

    def resize(self, claim: Claim, cost: Cost) -> bool:
        """Hold another amount from now on; say whether that is so.

        Less is always granted; more only within the caller's share, and where there is enough of it
        for all who wait, too.
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
        _tell(late)
        return True

    @property
    def waiting(self) -> int:
        """How many claims wait."""
        return len(self._small.line) + len(self._common.line)

    @property
    def held(self) -> int:
        """How many claims are granted and not given back."""
        return len(self._held)

    def used(self) -> dict[str, int]:
        """Return what all granted claims hold together."""
        with self._lock:
            return {name: self._used(name) for name in self.totals}

    def oldest_wait_s(self) -> float:
        """Return how long those have waited who do not wait for their own callers' claims; 0 if
        there are none.
        """
        with self._lock:
            since_s = [claim.since_s for claim in self._contenders()]
            return self._clock() - min(since_s) if since_s else 0.0

    def waiting_of(self, caller: str | None) -> int:
        """Count a caller's claims that wait."""
        with self._lock:
            return sum(claim.caller == caller for claim in self._common.line + self._small.line)

    def expected_wait_s(self, cost: Cost, caller: str | None = None) -> float:
        """Estimate how long a claim would wait: what it and those before it lack, at the pace at
        which claims return.
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
        """Grant whatever can be granted now, in order; give what was."""
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
        """Return back to the part that it was taken from, and learn how long it was held."""
        part.give(claim.caller, cost)
        lasted_s = self._clock() - claim.since_s
        for name in (name for name, amount in cost.items() if amount):
            known_s = self._lasts_s.get(name, lasted_s)
            self._lasts_s[name] = known_s + _RECENT * (lasted_s - known_s)


def _with_room(parts: list[Part], claim: Claim) -> Part | None:
    """Return the part that can grant a claim, if one can."""
    return next(
        (p for p in parts if p.allows(claim.caller, claim.cost) and p.fits(claim.cost)), None
    )


def _tell(granted: list[Claim], besides: Claim | None = None) -> None:
    """Call those that were granted after a wait, outside the lock."""
    for claim in granted:
        if claim is not besides:
            claim.granted()
