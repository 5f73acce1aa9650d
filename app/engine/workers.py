"""One pool of drawing threads for everybody: fair between requests, and stoppable between tasks."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")


class Stopped(Exception):
    """Nobody waits for the result any more."""


class Stop:
    """A flag that one thread raises and the workers of a run look at between tasks."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Ask the run to end."""
        self._event.set()

    def check(self) -> None:
        """Raise Stopped once the run was asked to end."""
        if self._event.is_set():
            raise Stopped


def usable_cores() -> int:
    """Count the processors this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Workers:
    """A pool of threads, as many as there are cores unless told otherwise.

    A run has at most two tasks per thread in the queue, so a small run beside a large one waits for a few tasks only.
    """

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or usable_cores()
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="draw")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the threads once their tasks are done."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def map(
        self, tasks: Iterable[Callable[[], T]], stop: Stop, *, small: bool = False
    ) -> Iterator[T]:
        """Give the results of the tasks, in their order.

        Args:
            small: the tasks are not worth handing over, so they run in the caller's thread.

        Raises:
            Stopped: `stop` was set; the tasks under way have ended.
        """
        if small:
            stop.check()
            yield from (task() for task in tasks)
            return
        running: deque[Future[T]] = deque()
        try:
            for task in tasks:
                if len(running) >= 2 * self.threads:
                    yield running.popleft().result()
                stop.check()
                running.append(self._pool.submit(task))
            while running:
                yield running.popleft().result()
                stop.check()
        finally:
            _drop(running)

    @contextmanager
    def beside(
        self, tasks: Iterable[Callable[[], T]], *, small: bool = False
    ) -> Iterator[Callable[[], list[T]]]:
        """Carry out tasks while the caller does something else; call what is given for their results.

        One core is left to the caller.  `small` tasks run at once.  On the way out, what was not begun is dropped and what
        was is waited for.
        """
        if small:
            results = [task() for task in tasks]
            yield lambda: results
            return
        waiting = list(tasks)
        width = max(self.threads - 1, 1)
        futures = [
            self._pool.submit(lambda part: [task() for task in part], waiting[place::width])
            for place in range(width)
        ]

        def results_in_order() -> list[T]:
            found: list[Any] = [None] * len(waiting)
            for place, future in enumerate(futures):
                found[place::width] = future.result()
            return found

        try:
            yield results_in_order
        finally:
            _drop(futures)

    def run(self, tasks: Iterable[Callable[[], T]], stop: Stop, *, small: bool = False) -> None:
        """Carry out the tasks for what they do.  Arguments and errors are those of `map`."""
        for _ in self.map(tasks, stop, small=small):
            pass


def _drop(futures: Iterable[Future[T]]) -> None:
    """Cancel what was not begun, and wait for what was."""
    for future in futures:
        future.cancel()
    for future in futures:
        if not future.cancelled():
            future.exception()
