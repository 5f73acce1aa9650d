"""What may run at once: a weighted budget of bytes and slots, and the lines before it.

A claim is a cost, by resource: bytes of memory here and on each device, and slots to compute.  It is granted at once, or
waits in one of two lines, for small and for large claims, each first come first served:

- large claims take from the common part; the first in line holds back the others of its line, so it cannot starve;
- small claims take from a reserve of their own, on top of the common part, so they are never stuck behind large ones;
  while no large claim waits they may take from the common part as well.

Nothing here waits or knows of an event loop: a claim that was granted late says so by a call.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Cost = Mapping[str, int]
RESERVED = 8  # the reserve is one in so many of each resource
SMALL = 4  # a small claim is at most one in so many of the reserve
MOST_WAIT_S = 600.0
_RECENT = 0.2  # weight of the latest claim in what is known of how long they last


@dataclass(eq=False, slots=True)
class Claim:
    """What somebody waits for, or holds."""

    cost: Cost
    is_small: bool
    granted: Callable[[], object]
    since_s: float
    taken_from: _Part | None = None

    @property
    def is_held(self) -> bool:
        """Whether it was granted and not given back."""
        return self.taken_from is not None


@dataclass(slots=True)
class _Part:
    """A part of the budget: what is free of each resource."""

    free: dict[str, int] = field(default_factory=dict)
    line: deque[Claim] = field(default_factory=deque)

    def fits(self, cost: Cost) -> bool:
        return all(amount <= self.free.get(name, 0) for name, amount in cost.items())

    def take(self, cost: Cost) -> None:
        for name, amount in cost.items():
            self.free[name] -= amount

    def give(self, cost: Cost) -> None:
        for name, amount in cost.items():
            self.free[name] += amount


class Budget:
    """Grants claims as long as their costs fit together; shared by threads.

    Args:
        totals: what there is for large claims, by resource; small claims have a reserve on top.  Of what is not named
            here a claim may cost any amount.
        clock: gives seconds that never go back.
    """

    def __init__(self, totals: Cost, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.totals: dict[str, int] = {}
        self.reserve: dict[str, int] = {}
        self._clock = clock
        self._common, self._small = _Part(), _Part()
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
            self._common.free |= totals
            self._small.free |= reserve

    def lacks(self, cost: Cost) -> str | None:
        """Name the resource of which a claim wants more than there is, if there is one."""
        return next((name for name, n in cost.items() if n > self.totals.get(name, n)), None)

    def ask(self, cost: Cost, granted: Callable[[], object] = lambda: None) -> Claim:
        """Claim what something costs; `granted` is called, by any thread, if it has to wait.

        Raises:
            ValueError: it costs more than there is, so it would wait for ever.
        """
        if self.lacks(cost) is not None:
            raise ValueError(f"{cost} is more than {self.totals}")
        cost = self._counted(cost)
        claim = Claim(cost, self._is_small(cost), granted, self._clock())
        with self._lock:
            self._line(claim).append(claim)
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
            elif claim in self._line(claim):
                self._line(claim).remove(claim)
            late = self._settle()
        _tell(late)

    def resize(self, claim: Claim, cost: Cost) -> bool:
        """Hold another amount from now on; say whether that is so.

        Less is always granted; more only where there is enough of it for everybody who waits, too.
        """
        cost = self._counted(cost)
        with self._lock:
            part = claim.taken_from
            if part is None:
                return False
            change = {name: n - claim.cost.get(name, 0) for name, n in cost.items()}
            change |= {name: -n for name, n in claim.cost.items() if name not in cost}
            more = {name: amount for name, amount in change.items() if amount > 0}
            if more and not part.fits(self._with_what_others_wait_for(more)):
                return False
            part.take(more)
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
        """Give what all granted claims hold together."""
        with self._lock:
            return {name: self._used(name) for name in self.totals}

    def oldest_wait_s(self) -> float:
        """Give how long the first in line has waited; 0 if nobody waits."""
        with self._lock:
            heads = [part.line[0].since_s for part in (self._common, self._small) if part.line]
            return self._clock() - min(heads) if heads else 0.0

    def expected_wait_s(self, cost: Cost) -> float:
        """Estimate how long a claim would wait: what it and those before it lack, at the pace at which claims return."""
        with self._lock:
            cost = self._counted(cost)
            part = self._small if self._is_small(cost) else self._common
            waits = (self._wait_for(name, amount, part) for name, amount in cost.items())
            return min(max(waits, default=0.0), MOST_WAIT_S)

    def _wait_for(self, name: str, amount: int, part: _Part) -> float:
        before = sum(claim.cost.get(name, 0) for claim in part.line)
        lacking = before + amount - part.free[name]
        if lacking <= 0:
            return 0.0
        ages = [self._clock() - c.since_s for c in self._held if c.cost.get(name)]
        running_s = sum(ages) / len(ages) if ages else 0.0
        lasts_s = max(self._lasts_s.get(name, 0.0), running_s)
        return lasts_s * lacking / max(self._used(name), 1)

    def _used(self, name: str) -> int:
        free = self._common.free[name] + self._small.free[name]
        return self.totals[name] + self.reserve[name] - free

    def _with_what_others_wait_for(self, more: Cost) -> Cost:
        waiting = [*self._common.line, *self._small.line]
        return {n: m + sum(claim.cost.get(n, 0) for claim in waiting) for n, m in more.items()}

    def _counted(self, cost: Cost) -> Cost:
        return {name: amount for name, amount in cost.items() if name in self.totals}

    def _is_small(self, cost: Cost) -> bool:
        return all(n <= max(self.reserve[name] // SMALL, 1) for name, n in cost.items())

    def _line(self, claim: Claim) -> deque[Claim]:
        return self._small.line if claim.is_small else self._common.line

    def _settle(self) -> list[Claim]:
        """Grant whatever can be granted now, in order; give what was."""
        late = []
        while self._common.line and self._common.fits(self._common.line[0].cost):
            late.append(self._grant(self._common.line.popleft(), self._common))
        while self._small.line and (part := self._part_for_small(self._small.line[0].cost)):
            late.append(self._grant(self._small.line.popleft(), part))
        return late

    def _part_for_small(self, cost: Cost) -> _Part | None:
        """Give the part that has room for a small claim, if one has."""
        parts = [self._small] if self._common.line else [self._small, self._common]
        return next((part for part in parts if part.fits(cost)), None)

    def _grant(self, claim: Claim, part: _Part) -> Claim:
        part.take(claim.cost)
        claim.taken_from, claim.since_s = part, self._clock()
        self._held.add(claim)
        return claim

    def _return(self, claim: Claim, part: _Part, cost: Cost) -> None:
        """Give back to the part that it was taken from, and learn how long it was held."""
        part.give(cost)
        lasted_s = self._clock() - claim.since_s
        for name in (name for name, amount in cost.items() if amount):
            known_s = self._lasts_s.get(name, lasted_s)
            self._lasts_s[name] = known_s + _RECENT * (lasted_s - known_s)


def _tell(granted: list[Claim], besides: Claim | None = None) -> None:
    """Call those that were granted after a wait, outside the lock."""
    for claim in granted:
        if claim is not besides:
            claim.granted()
