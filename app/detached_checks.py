"""Checks that outlast the request they were started for, for clients that come back.

There is one for each recipe.  It holds a claim of its own, charged to whoever asked first, and ends
when nobody waits for it or has been promised it.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import anyio

from app.admission.admission import Admission
from app.request_threads import RequestThreads
from stepzero_rnn.engine.check.check import Checked
from stepzero_rnn.engine.thread_pool import Stop, Stopped
from stepzero_rnn.errors import NotReady, StepZeroError, TryLater
from stepzero_rnn.pipeline.costs import cost_of_file
from stepzero_rnn.pipeline.factory import Factory
from stepzero_rnn.pipeline.job import Job

MIN_RETRY_AFTER_S, MAX_RETRY_AFTER_S = 3, 300  # clients add a second of their own


@dataclass(eq=False, slots=True)
class _Check:
    """A check under way, or done; `promised_until_s` is when the last client told to come back is
    given up.
    """

    stop: Stop = field(default_factory=Stop)
    queue: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    began_s: float = field(default_factory=time.monotonic)
    askers: int = 0
    promised_until_s: float = -math.inf
    task: asyncio.Task[Checked | StepZeroError] = field(init=False)

    def promise(self) -> int:
        """Return in how many seconds to ask again: as many as it has taken, so that a client that
        asks five times again has waited for 32 times the first wait.
        """
        age_s = time.monotonic() - self.began_s
        again_s = min(max(math.ceil(age_s), MIN_RETRY_AFTER_S), MAX_RETRY_AFTER_S)
        until_s = time.monotonic() + 2 * again_s
        self.promised_until_s = max(self.promised_until_s, until_s)
        return again_s

    def end(self) -> None:
        self.stop.set()
        self.queue.cancel()


class DetachedChecks:
    """The checks of one process."""

    def __init__(self, admission: Admission, threads: RequestThreads, factory: Factory) -> None:
        self._admission, self._threads, self._factory = admission, threads, factory
        self._by_recipe: dict[bytes, _Check] = {}
        self._ending = set[asyncio.Task[Checked | StepZeroError]]()

    async def result(self, job: Job, device: str, caller: str, patience_s: float) -> Checked:
        """Return the result of a job's check, which is started unless it is under way.

        Args:
            patience_s: how long to wait for it.

        Raises:
            TryLater: it takes longer; it goes on.
            Busy, TooLarge: there is not enough capacity for it.
            Others: as `Factory.check`.
        """
        check = self._by_recipe.get(job.digest) or self._started(job, device, caller)
        with self._asking(job.digest, check):
            done, _ = await asyncio.wait([check.task], timeout=patience_s)
            if not done:
                again_s = check.promise()
                raise TryLater(reason="the network is being checked", retry_after_s=again_s)
        found = check.task.result()
        if isinstance(found, StepZeroError):
            raise found.with_traceback(None)
        return found

    async def close(self) -> None:
        """End all checks, and wait until they have."""
        for check in self._by_recipe.values():
            check.end()
        tasks = {*self._ending, *(check.task for check in self._by_recipe.values())}
        if tasks:
            await asyncio.wait(tasks)

    def _started(self, job: Job, device: str, caller: str) -> _Check:
        check = self._by_recipe[job.digest] = _Check()
        task = check.task = asyncio.create_task(self._kept(check, job, device, caller))
        self._ending.add(task)
        task.add_done_callback(self._ended)
        return check

    def _ended(self, task: asyncio.Task[Checked | StepZeroError]) -> None:
        self._ending.discard(task)
        if not task.cancelled():
            task.exception()  # seen by whoever waits; nobody may

    @contextmanager
    def _asking(self, digest: bytes, check: _Check) -> Iterator[None]:
        check.askers += 1
        try:
            yield
        finally:
            check.askers -= 1
            self._end_unless_wanted(digest, check)

    def _end_unless_wanted(self, digest: bytes, check: _Check) -> None:
        """End and forget a check that nobody waits for, once no promise is left."""
        if check.askers or self._by_recipe.get(digest) is not check:
            return
        left_s = check.promised_until_s - time.monotonic()
        if left_s > 0:
            loop = asyncio.get_running_loop()
            loop.call_later(left_s, self._end_unless_wanted, digest, check)
            return
        del self._by_recipe[digest]
        check.end()

    async def _kept(
        self, check: _Check, job: Job, device: str, caller: str
    ) -> Checked | StepZeroError:
        """Return the result or the refusal, for those who come back; unless that is temporary."""
        try:
            return await self._run(check, job, device, caller)
        except StepZeroError as error:
            if isinstance(error, NotReady) and self._by_recipe.get(job.digest) is check:
                del self._by_recipe[job.digest]
            # Its traceback would keep the frames, and what they had drawn.
            error.__cause__ = error.__context__ = None
            return error.with_traceback(None)

    async def _run(self, check: _Check, job: Job, device: str, caller: str) -> Checked:
        with check.queue:
            claim = await self._admission.admit(cost_of_file(job, device), caller=caller)
        if check.queue.cancelled_caught:
            raise Stopped
        try:
            return await self._threads.run(lambda: self._factory.check(job, check.stop))
        finally:
            self._admission.budget.give_back(claim)
