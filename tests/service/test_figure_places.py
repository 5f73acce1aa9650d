"""Quick figures are few at once, wait a short time, and leave most of the time to files."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from anyio.from_thread import start_blocking_portal

from app.admission.budget import Budget
from app.admission.figures import MAX_PLACES, MAX_WAITING, REST, FigurePlaces
from stepzero_rnn.errors import Busy

FILE = {"slots": 1}
SECONDS = 0.1  # that a figure takes, by the clock of these tests


class House:
    """A server with places for figures, and a clock that stands still until it is moved."""

    def __init__(self, threads: int = 2, max_wait_s: float = 30) -> None:
        self.now_s = 0.0
        self.budget = Budget({"slots": 8})
        self.places = FigurePlaces(self.budget, threads, max_wait_s, clock=lambda: self.now_s)

    async def measure(self, caller: str, seconds: float = SECONDS) -> None:
        """Measure a figure."""
        place = await self.places.take(caller)
        with self.places.held(place):
            held = self.budget.ask(FILE, caller=caller)
            self.now_s += seconds
        self.budget.give_back(held)

    async def takes(self, caller: str) -> bool:
        """Whether a caller is given a place at once; it keeps it."""
        task = asyncio.create_task(self.places.take(caller))
        await asyncio.sleep(0)
        return task.done()


def inside(work: Callable[[House], Awaitable[None]], house: House | None = None) -> House:
    house = house or House()
    with start_blocking_portal() as portal:  # the browser tests leave a loop in this thread
        portal.call(work, house)
    return house


@pytest.mark.parametrize(
    ("threads", "places"), [(1, 1), (2, 1), (7, 1), (8, 2), (16, 4), (256, MAX_PLACES)]
)
def test_there_is_a_place_for_every_four_threads(threads: int, places: int):
    async def work(house: House) -> None:
        given = [await house.takes(f"caller {number}") for number in range(places + 2)]
        assert given == [True] * places + [False] * 2

    inside(work, House(threads))


def test_a_caller_is_refused_at_once_if_others_will_hold_the_place_for_longer_than_a_second():
    async def work(house: House) -> None:
        await house.measure("one", seconds=5)
        await house.places.take("one")
        with pytest.raises(Busy) as refused:
            house.places.require_soon("other")
        assert refused.value.facts["retry_after_s"] == 5
        assert house.places.waiting == 0

    inside(work)


def test_a_caller_waits_for_its_own_figures_as_for_anything_else():
    async def work(house: House) -> None:
        await house.measure("one", seconds=5)
        place = await house.places.take("one")
        house.places.require_soon("one")
        assert not await house.takes("one")
        with house.places.held(place):
            pass
        await asyncio.sleep(0)
        assert house.places.waiting == 0

    inside(work)


@pytest.mark.parametrize("work_of_others", ["figures", "files"])
def test_a_caller_waits_for_its_own_figures_only_if_nothing_else_goes_on(work_of_others: str):
    async def work(house: House) -> None:
        await house.measure("one", seconds=5)
        await house.places.take("one")
        if work_of_others == "figures":
            assert not await house.takes("other")
        else:
            house.budget.ask(FILE)
        with pytest.raises(Busy):
            house.places.require_soon("one")

    inside(work)


def test_a_queue_that_is_full_refuses():
    async def work(house: House) -> None:
        await house.places.take("first")
        for number in range(MAX_WAITING):
            assert not await house.takes(f"caller {number}")
        with pytest.raises(Busy, match="the queue is full"):
            await house.places.take("last")

    inside(work)


def test_nobody_waits_where_nobody_may():
    async def work(house: House) -> None:
        await house.places.take("one")
        for caller in ("one", "other"):
            with pytest.raises(Busy):
                await house.places.take(caller)

    inside(work, House(max_wait_s=0))


def test_a_place_is_free_at_once_while_no_file_is_made():
    async def work(house: House) -> None:
        await house.measure("one")
        assert await house.takes("other")

    inside(work)


def test_a_place_rests_while_files_are_made():
    async def work(house: House) -> None:
        house.budget.ask(FILE)
        await house.measure("one")
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        await house.places.take("other")
        assert loop.time() - began_s > 0.9 * REST * SECONDS

    inside(work)


def test_a_place_is_given_back_when_measuring_fails():
    async def work(house: House) -> None:
        place = await house.places.take("one")
        with pytest.raises(RuntimeError), house.places.held(place):
            raise RuntimeError
        assert await house.takes("other")

    inside(work)
