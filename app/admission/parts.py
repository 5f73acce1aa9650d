"""One part of a budget: what is free, what each caller holds, and its queue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from stepzero_rnn.pipeline.costs import Cost


def share_of(total: int) -> int:
    """Return one caller's share of a total: all but a quarter, and at least one."""
    return max(total - max(total // 4, 1), 1)


@dataclass(eq=False, slots=True)
class Claim:
    """Resources that a request waits for or holds.

    `caller` is whose share they are charged to; None for no one's.  `is_under_way` means that the
    request also holds another claim.
    """

    cost: Cost
    is_small: bool
    granted: Callable[[], object]
    since_s: float
    caller: str | None = None
    is_under_way: bool = False
    taken_from: Part | None = None

    @property
    def is_held(self) -> bool:
        """Whether the claim was granted and not returned."""
        return self.taken_from is not None


@dataclass(slots=True)
class Part:
    """A part of the budget, by resource."""

    totals: dict[str, int] = field(default_factory=dict)
    free: dict[str, int] = field(default_factory=dict)
    line: list[Claim] = field(default_factory=list)
    _held: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, totals: Cost) -> None:
        self.totals |= totals
        self.free |= totals

    def fits(self, cost: Cost) -> bool:
        """Whether a cost is free."""
        return all(amount <= self.free.get(name, 0) for name, amount in cost.items())

    def allows(self, caller: str | None, cost: Cost) -> bool:
        """Whether a cost fits the caller's share; a caller that holds nothing may exceed it."""
        if caller is None:
            return True
        held = self._held.get(caller, {})
        return all(
            not amount or not held.get(name) or held[name] + amount <= share_of(self.totals[name])
            for name, amount in cost.items()
        )

    def room(self, caller: str | None, name: str) -> int:
        """Return the amount of a resource that is free for a caller."""
        held = self._held.get(caller, {}).get(name, 0) if caller is not None else 0
        return min(self.free[name], share_of(self.totals[name]) - held) if held else self.free[name]

    def take(self, caller: str | None, cost: Cost) -> None:
        for name, amount in cost.items():
            self.free[name] -= amount
            if caller is not None and amount:
                held = self._held.setdefault(caller, {})
                held[name] = held.get(name, 0) + amount

    def give(self, caller: str | None, cost: Cost) -> None:
        for name, amount in cost.items():
            self.free[name] += amount
            if caller is not None and amount:
                self._held[caller][name] -= amount
        if caller is not None and not any(self._held.get(caller, {}).values()):
            self._held.pop(caller, None)

    def queue(self, claim: Claim) -> None:
        """Append a claim to the queue, before all others if its request already holds a claim."""
        place = sum(other.is_under_way for other in self.line)
        self.line.insert(place if claim.is_under_way else len(self.line), claim)

    def contenders(self) -> Iterator[Claim]:
        """Yield the waiting claims that are not blocked by their own callers' claims, in order,
        each judged at the time it is reached.
        """
        blocked = set[str | None]()
        for claim in tuple(self.line):
            if claim.caller in blocked:
                continue
            if self.allows(claim.caller, claim.cost):
                yield claim
            else:
                blocked.add(claim.caller)
