"""Places for quick figures: few at once, a short wait, and a rest after each while files are made.

Someone is looking at a page while these are measured, so an answer that would be late is better
refused.  Measuring a small network is mostly Python, which the event loop has to share: each figure
takes processor time from every download and delays every other answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.admission.admission import Admission
from app.admission.budget import RESERVED, Budget
from app.admission.parts import Claim

SOON_S = 1.0
MAX_WAITING = 16  # for each place
THREADS_PER_PLACE = 4
MAX_PLACES = 8  # Python computes in one thread at a time
REST = 3  # while files are made, figures get a quarter of the time of each place
MAX_REST_S = 2.0
_PLACES = "places"
_ONE = {_PLACES: RESERVED}  # in units so small that none of them fits the reserve for small claims


class FigurePlaces:
    """Admits quick figures, in addition to what they take of the server's budget.

    Args:
        server: the budget of all requests.
        threads: of the server; one place for every few of them.
        max_wait_s: how long a caller may wait for its own figures, if nothing else goes on;
            otherwise it waits at most `SOON_S`.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        server: Budget,
        threads: int,
        max_wait_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        places = min(max(threads // THREADS_PER_PLACE, 1), MAX_PLACES)
        self._server = server
        self._clock = clock
        self._places = Budget({_PLACES: places * RESERVED}, clock=clock)
        self._admission = Admission(
            self._places, max_waiting=places * MAX_WAITING, max_wait_s=max_wait_s
        )
        self._soon_s = min(SOON_S, max_wait_s)
        self._measuring = 0

    @property
    def waiting(self) -> int:
        """Number of requests that wait for a place."""
        return self._places.waiting

    def require_soon(self, caller: str) -> None:
        """Require that a place is probably free soon, other than of this caller's own figures.

        Raises:
            Busy: it is probably not.
        """
        if not self._waits_for_itself(caller):
            self._admission.require_soon(_ONE, caller, self._soon_s)

    async def take(self, caller: str) -> Claim:
        """Wait for a place, which is then given to `held`.

        Raises:
            Busy: none became free in time.
        """
        max_wait_s = None if self._waits_for_itself(caller) else self._soon_s
        return await self._admission.admit(_ONE, caller=caller, max_wait_s=max_wait_s)

    @contextmanager
    def held(self, place: Claim) -> Iterator[None]:
        """Measure figures in a place; it then rests if other requests hold anything."""
        began_s = self._clock()
        self._measuring += 1
        try:
            yield
        finally:
            is_alone = self._is_alone
            self._measuring -= 1
            rest_s = 0.0 if is_alone else REST * (self._clock() - began_s)
            self._give_back(place, min(rest_s, MAX_REST_S))

    def _waits_for_itself(self, caller: str) -> bool:
        places = self._places
        is_first = places.waiting == places.waiting_of(caller)
        return places.holds(caller) and is_first and self._is_alone

    @property
    def _is_alone(self) -> bool:
        """Whether figures are all that goes on."""
        return self._server.held <= self._measuring

    def _give_back(self, place: Claim, rest_s: float) -> None:
        if rest_s:
            asyncio.get_running_loop().call_later(rest_s, self._places.give_back, place)
        else:
            self._places.give_back(place)
