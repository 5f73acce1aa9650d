"""Who comes to a full house waits for a while, is told when to come again, and holds nothing when
it leaves.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest
from anyio.from_thread import start_blocking_portal

from app.admission.admission import Admission
from app.admission.budget import Budget
from stepzero_rnn.errors import Busy, TooLarge

ROOM = {"host_bytes": 1 << 20, "slots": 2}
ALL = {"host_bytes": 1 << 20, "slots": 1}


def inside(work: Callable[[Admission], Awaitable[None]], **options: float) -> Budget:
    """Run work against an admission, in a new event loop; return the budget."""
    budget = Budget(ROOM)
    admission = Admission(budget, **{"max_waiting": 1, "max_wait_s": 30.0, **options})  # type: ignore[arg-type]
    with start_blocking_portal() as portal:  # the browser tests leave a loop in this thread
        portal.call(work, admission)
    return budget


def test_what_costs_more_than_there_is_is_refused_with_both_numbers():
    async def work(admission: Admission) -> None:
        with pytest.raises(TooLarge) as refused:
            await admission.admit({"host_bytes": 2 << 20})
        assert (refused.value.facts["planned_bytes"], refused.value.facts["limit_bytes"]) == (
            2 << 20,
            1 << 20,
        )
        admission.budget.add({"cuda:0": 1})
        with pytest.raises(TooLarge, match="memory on cuda:0"):
            await admission.admit({"cuda:0": 2})

    assert inside(work).held == 0


def test_who_waits_is_let_in_by_another_thread():
    async def work(admission: Admission) -> None:
        first = await admission.admit(ALL)
        second = asyncio.create_task(admission.admit(ALL))
        await asyncio.sleep(0)
        threading.Thread(target=admission.budget.give_back, args=(first,)).start()
        assert (await second).is_held

    assert inside(work).held == 1


def test_who_waits_too_long_is_told_when_to_come_again():
    async def work(admission: Admission) -> None:
        await admission.admit(ALL)
        with pytest.raises(Busy, match=r"no capacity became free within 0\.01 s") as refused:
            await admission.admit(ALL)
        assert refused.value.headers["Retry-After"] == str(refused.value.facts["retry_after_s"])
        assert refused.value.facts["retry_after_s"] >= 1

    assert inside(work, max_wait_s=0.01).waiting == 0


def test_who_finds_too_many_waiting_is_refused_at_once():
    async def work(admission: Admission) -> None:
        await admission.admit(ALL)
        waiting = asyncio.create_task(admission.admit(ALL))
        await asyncio.sleep(0)
        with pytest.raises(Busy, match="queue is full") as refused:
            await admission.admit(ALL)
        assert refused.value.facts["waiting"] == 1
        waiting.cancel()

    assert inside(work).held == 1


def test_who_leaves_the_line_holds_nothing():
    async def work(admission: Admission) -> None:
        first = await admission.admit(ALL)
        waiting = asyncio.create_task(admission.admit(ALL))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        admission.budget.give_back(first)

    budget = inside(work)
    assert (budget.held, budget.waiting) == (0, 0)


def test_a_door_at_which_somebody_waited_too_long_is_wedged():
    async def work(admission: Admission) -> None:
        await admission.admit(ALL)
        assert not admission.is_saturated
        admission.budget.ask(ALL)
        await asyncio.sleep(0.02)
        assert admission.is_saturated

    inside(work, max_wait_s=0.01)


def test_a_door_at_which_nobody_may_wait_is_not_wedged():
    async def work(admission: Admission) -> None:
        await admission.admit(ALL)
        assert not admission.is_saturated

    inside(work, max_wait_s=0.0)
