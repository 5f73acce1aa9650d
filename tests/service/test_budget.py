"""The budget never promises what it does not have, keeps to the order of its lines, and starves
nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from app.admission.budget import MAX_WAIT_S, RESERVED, Budget, Claim
from app.admission.parts import share_of

TOTALS = {"host_bytes": 1024, "cuda:0": 512, "slots": 4}
SMALL = {"host_bytes": 8, "slots": 1}
HALF = {"host_bytes": 512, "slots": 1}
WHOLE = {"host_bytes": 1024, "slots": 1}

costs = st.fixed_dictionaries(
    {"host_bytes": st.integers(0, 1024) | st.integers(0, 40), "slots": st.integers(0, 2)},
    optional={"cuda:0": st.integers(0, 512)},
)


callers = st.sampled_from([None, "a", "b"])


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


@dataclass(eq=False)
class CheckpointBody:
    """A claim, and whether its owner was told that it was granted."""

    told: list[None] = field(default_factory=list)
    was_late: bool = False
    claim: Claim = field(init=False)


class BudgetMachine(RuleBasedStateMachine):
    """Claims are asked, resized and given back in any order."""

    live: Bundle[CheckpointBody] = Bundle("live")

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.budget = Budget(TOTALS, clock=self.clock)
        self.asked: list[CheckpointBody] = []

    @rule(target=live, cost=costs, caller=callers, is_under_way=st.booleans())
    def ask(self, cost: dict[str, int], caller: str | None, is_under_way: bool) -> CheckpointBody:
        one = CheckpointBody()
        one.claim = self.budget.ask(
            cost, lambda: one.told.append(None), caller=caller, is_under_way=is_under_way
        )
        one.was_late = not one.claim.is_held
        self.asked.append(one)
        return one

    @rule(one=consumes(live))
    def give_back(self, one: CheckpointBody) -> None:
        self.budget.give_back(one.claim)
        self.budget.give_back(one.claim)
        self.asked.remove(one)

    @rule(one=live, cost=costs)
    def resize(self, one: CheckpointBody, cost: dict[str, int]) -> None:
        before = one.claim.cost
        resized = self.budget.resize(one.claim, cost)

        assert one.claim.cost == (cost if resized else before)
        if one.claim.is_held and all(cost.get(n, 0) <= before.get(n, 0) for n in cost):
            assert resized

    @rule(seconds=st.floats(0, 100))
    def wait(self, seconds: float) -> None:
        self.clock.now_s += seconds

    @invariant()
    def what_is_held_is_what_is_used(self) -> None:
        held = [one.claim.cost for one in self.asked if one.claim.is_held]
        assert self.budget.used() == {n: sum(c.get(n, 0) for c in held) for n in TOTALS}
        assert self.budget.held == len(held)
        assert self.budget.held + self.budget.waiting == len(self.asked)

    @invariant()
    def no_more_is_used_than_there_is(self) -> None:
        for name, used in self.budget.used().items():
            assert used <= TOTALS[name] + self.budget.reserve[name]

    @invariant()
    def nobody_overtakes_the_same_caller_in_a_line(self) -> None:
        lines: dict[object, list[bool]] = {}
        for claim in (one.claim for one in self.asked):
            line = (claim.is_small, claim.is_under_way, claim.caller)
            lines.setdefault(line, []).append(claim.is_held)
        assert all(line == sorted(line, reverse=True) for line in lines.values())

    @invariant()
    def nobody_overtakes_who_does_not_wait_for_a_caller_s_own_claims(self) -> None:
        for is_small in (False, True):
            own = [one.claim for one in self.asked if one.claim.is_small == is_small]
            line = [c.is_held for c in own if c.caller is None and not c.is_under_way]
            assert line == sorted(line, reverse=True)

    @invariant()
    def a_caller_holds_its_share_of_a_part_or_one_claim(self) -> None:
        held: dict[tuple[str, int, str], list[int]] = {}
        for claim in (one.claim for one in self.asked):
            if claim.taken_from is not None and claim.caller is not None:
                for name, amount in claim.cost.items():
                    place = (claim.caller, id(claim.taken_from), name)
                    held.setdefault(place, []).append(amount)
                    most = share_of(claim.taken_from.totals[name])
                    amounts = [amount for amount in held[place] if amount]
                    assert sum(amounts) <= most or len(amounts) == 1

    @invariant()
    def who_waited_was_told_once(self) -> None:
        for one in self.asked:
            assert len(one.told) == (one.was_late and one.claim.is_held)

    @invariant()
    def somebody_runs_if_anybody_waits(self) -> None:
        assert self.budget.held or not self.budget.waiting

    @invariant()
    def a_wait_is_estimated_as_long_as_there_is_one(self) -> None:
        assert 0 <= self.budget.expected_wait_s(WHOLE) <= MAX_WAIT_S

    def teardown(self) -> None:
        """All that was granted ends, the longest running first: then everybody has had a turn."""
        while self.asked:
            self.give_back(next(one for one in self.asked if one.claim.is_held))
        assert not any(self.budget.used().values())
        assert self.budget.waiting == 0


TestAnyHistory = BudgetMachine.TestCase
TestAnyHistory.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def budget(clock: Clock) -> Budget:
    return Budget(TOTALS, clock=clock)


def test_a_small_claim_is_not_stuck_behind_large_ones(budget: Budget):
    budget.ask(WHOLE)
    assert not budget.ask(WHOLE).is_held

    assert budget.ask(SMALL).is_held


def test_small_claims_use_what_large_ones_leave(budget: Budget):
    claims = [budget.ask({"host_bytes": 32}) for _ in range(1024 // 32)]

    assert all(claim.is_held for claim in claims)


def test_a_stream_of_small_claims_does_not_starve_a_large_one(budget: Budget):
    first = [budget.ask(SMALL) for _ in range(4)]
    large = budget.ask(WHOLE)
    assert not large.is_held
    for claim in first:
        budget.give_back(claim)
        budget.ask(SMALL)

    assert large.is_held


def test_a_large_claim_holds_back_its_own_line(budget: Budget):
    first = budget.ask(HALF)
    whole = budget.ask(WHOLE)
    half = budget.ask(HALF)
    assert (whole.is_held, half.is_held) == (False, False)
    budget.give_back(first)

    assert (whole.is_held, half.is_held) == (True, False)


@pytest.mark.parametrize(("total", "share"), [(1, 1), (2, 1), (3, 2), (4, 3), (8, 6), (48, 36)])
def test_a_share_is_all_but_a_quarter_and_at_least_one(total: int, share: int):
    assert share_of(total) == share


class TestACaller:
    """It leaves a part of everything to others, and they do not wait for it."""

    SLOT: Mapping[str, int] = {"host_bytes": 64, "slots": 1}  # of 1024 and 4, so it is large

    def test_gets_no_more_than_its_share_of_the_slots(self, budget: Budget):
        claims = [budget.ask(self.SLOT, caller="a") for _ in range(9)]

        assert sum(claim.is_held for claim in claims) == 3

    def test_gets_no_more_than_its_share_of_the_memory(self, budget: Budget):
        claims = [budget.ask({"host_bytes": 256}, caller="a") for _ in range(4)]

        assert [claim.is_held for claim in claims] == [True, True, True, False]

    def test_gets_one_claim_larger_than_its_share(self, budget: Budget):
        claims = [budget.ask(WHOLE, caller="a"), budget.ask(HALF, caller="a")]

        assert [claim.is_held for claim in claims] == [True, False]

    def test_gets_no_more_than_its_share_of_the_reserve(self, budget: Budget):
        (
            budget.ask(WHOLE),
            budget.ask(WHOLE),
        )  # one is held, and one waits: the rest is the reserve's
        mine = [budget.ask({"host_bytes": 32}, caller="a") for _ in range(4)]

        assert [claim.is_held for claim in mine] == [True, True, True, False]
        assert budget.ask({"host_bytes": 32}, caller="b").is_held

    def test_holds_back_nobody_else_while_it_waits_for_its_own(self, budget: Budget):
        for _ in range(9):
            budget.ask(self.SLOT, caller="a")

        assert budget.ask(self.SLOT, caller="b").is_held
        assert budget.oldest_wait_s() == 0

    def test_is_served_in_its_own_order(self, budget: Budget):
        first = [budget.ask({"host_bytes": 256}, caller="a") for _ in range(3)]
        large, less = (budget.ask({"host_bytes": n}, caller="a") for n in (512, 128))
        budget.give_back(first[0])
        assert (large.is_held, less.is_held) == (False, False)
        budget.give_back(first[1])

        assert (large.is_held, less.is_held) == (True, False)

    def test_does_not_grow_beyond_its_share(self, budget: Budget):
        claim = budget.ask(HALF, caller="a")

        assert budget.resize(claim, {"host_bytes": 768, "slots": 1})
        assert not budget.resize(claim, {"host_bytes": 769, "slots": 1})


def test_who_holds_what_the_first_in_line_waits_for_goes_before_it(budget: Budget):
    budget.ask(HALF)
    runs = [budget.ask({"slots": 3}), budget.ask(WHOLE)]
    more = budget.ask({"host_bytes": 64, "slots": 1}, is_under_way=True)
    budget.give_back(runs[0])

    assert (runs[1].is_held, more.is_held) == (False, True)


def test_a_claim_is_small_only_if_what_is_not_counted_is_little(clock: Clock):
    budget = Budget(TOTALS, small={"multiply_adds": 1000}, clock=clock)

    assert budget.ask({"slots": 1, "multiply_adds": 1000}).is_small
    assert not budget.ask({"slots": 1, "multiply_adds": 1001}).is_small


def test_who_leaves_the_line_makes_way(budget: Budget):
    budget.ask(HALF)
    whole = budget.ask(WHOLE)
    half = budget.ask(HALF)
    budget.give_back(whole)

    assert half.is_held


def test_what_can_never_be_granted_is_not_asked(budget: Budget):
    assert budget.lacks({"host_bytes": 1025}) == "host_bytes"
    with pytest.raises(ValueError, match="exceeds"):
        budget.ask({"host_bytes": 1025})


def test_what_is_not_counted_costs_nothing_until_it_is(budget: Budget):
    assert budget.ask({"cuda:1": 1 << 40}).is_held
    budget.add({"cuda:1": 64})

    assert budget.ask({"cuda:1": 64}).is_held
    assert not budget.ask({"cuda:1": 64}).is_held
    assert budget.lacks({"cuda:1": 65}) == "cuda:1"


def test_nobody_grows_by_what_others_wait_for(budget: Budget):
    claim = budget.ask(HALF)
    assert budget.resize(claim, {"host_bytes": 600, "slots": 1})
    budget.ask(HALF)

    assert not budget.resize(claim, {"host_bytes": 700, "slots": 1})


def test_who_waits_for_another_resource_keeps_nobody_from_growing(budget: Budget):
    claim = budget.ask({"host_bytes": 300, "slots": TOTALS["slots"]})
    budget.ask({"host_bytes": 300, "slots": 1})

    assert budget.waiting == 1
    assert budget.resize(claim, {"host_bytes": 724, "slots": TOTALS["slots"]})
    assert not budget.resize(claim, {"host_bytes": 725, "slots": TOTALS["slots"]})


class TestTheEstimate:
    def test_is_nothing_where_there_is_room(self, budget: Budget):
        assert budget.expected_wait_s(WHOLE) == 0

    def test_is_how_long_claims_last(self, budget: Budget, clock: Clock):
        claim = budget.ask(WHOLE)
        clock.now_s = 8.0
        budget.give_back(claim)
        budget.ask(WHOLE)

        assert budget.expected_wait_s(WHOLE) == pytest.approx(8.0)

    def test_grows_with_those_that_wait(self, budget: Budget, clock: Clock):
        budget.ask(WHOLE)
        clock.now_s = 2.0
        one = budget.expected_wait_s(WHOLE)
        budget.ask(WHOLE)

        assert (one, budget.expected_wait_s(WHOLE)) == pytest.approx((2.0, 4.0))

    def test_grows_while_what_runs_does_not_end(self, budget: Budget, clock: Clock):
        budget.ask(WHOLE)
        clock.now_s = 50.0

        assert budget.expected_wait_s(HALF) == pytest.approx(25.0)

    def test_has_an_end(self, budget: Budget, clock: Clock):
        budget.ask(WHOLE)
        clock.now_s = 1e6

        assert budget.expected_wait_s(WHOLE) == MAX_WAIT_S


def test_the_reserve_is_a_part_of_everything(budget: Budget):
    assert budget.reserve == {"host_bytes": 1024 // RESERVED, "cuda:0": 64, "slots": 1}
