"""One part of a budget: what is free of it, what each caller holds, and the line before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from stepzero_rnn.pipeline.costs import Cost


def share_of(total: int) -> int:
    """Return what one caller may hold of so much: all but a quarter, and at least one."""
    return max(total - max(total // 4, 1), 1)


@dataclass(eq=False, slots=True)
class Claim:
    """What somebody waits for, or holds.

    `caller` is whose share it counts in; None is nobody in particular.  `is_under_way` says that
    its owner holds another claim meanwhile.
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
        """Whether it was granted and not given back."""
        return self.taken_from is not None


@dataclass(slots=True)
class Part:
    """A part of the budget, by resource."""

    totals: dict[str, int] = field(default_factory=dict)
    free: dict[str, int] = field(default_factory=dict)
    line: list[Claim] = field(default_factory=list)
    _held: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, totals: Cost) -> None:
        """Count further resources."""
        self.totals |= totals
        self.free |= totals

    def fits(self, cost: Cost) -> bool:
        """Whether there is so much."""
        return all(amount <= self.free.get(name, 0) for name, amount in cost.items())

    def allows(self, caller: str | None, cost: Cost) -> bool:
        """Whether a caller's share has room for so much; what is larger than that is allowed
        alone.
        """
        if caller is None:
            return True
        held = self._held.get(caller, {})
        return all(
            not amount or not held.get(name) or held[name] + amount <= share_of(self.totals[name])
            for name, amount in cost.items()
        )

    def room(self, caller: str | None, name: str) -> int:
        """Return how much of a resource is free for a caller."""
        held = self._held.get(caller, {}).get(name, 0) if caller is not None else 0
        return min(self.free[name], share_of(self.totals[name]) - held) if held else self.free[name]

    def take(self, caller: str | None, cost: Cost) -> None:
        """Hold so much."""
        for name, amount in cost.items():
            self.free[name] -= amount
            if caller is not None and amount:
                held = self._held.setdefault(caller, {})
                held[name] = held.get(name, 0) + amount

    def give(self, caller: str | None, cost: Cost) -> None:
        """Hold so much less."""
        for name, amount in cost.items():
            self.free[name] += amount
            if caller is not None and amount:
                self._held[caller][name] -= amount
        if caller is not None and not any(self._held.get(caller, {}).values()):
            self._held.pop(caller, None)

    def queue(self, claim: Claim) -> None:
        """Let a claim wait behind the others, but before them all if its owner holds what they may
        wait for.
        """
        place = sum(other.is_under_way for other in self.line)
        self.line.insert(place if claim.is_under_way else len(self.line), claim)

    def contenders(self) -> Iterator[Claim]:
        """Return those in line who do not wait for their own callers' claims, in order, as things
        stand by then.
        """
        blocked = set[str | None]()
        for claim in tuple(self.line):
            if claim.caller in blocked:
                continue
            if self.allows(claim.caller, claim.cost):
                yield claim
            else:
                blocked.add(claim.caller)
