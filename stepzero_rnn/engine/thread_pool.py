"""A thread pool shared by all requests: fair between them, and stoppable between tasks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import Self, TypeVar

from stepzero_rnn.engine.cores import Cores, usable_cores

T = TypeVar("T")


class Stopped(Exception):
    """The result is no longer needed."""


class Stop:
    """A flag that one thread sets, and the workers of a run check between tasks."""

    __slots__ = ("_is_set",)

    def __init__(self) -> None:
        self._is_set = False

    def set(self) -> None:
        """Request the run to end."""
        self._is_set = True

    def check(self) -> None:
        """Raise Stopped if the run was requested to end."""
        if self._is_set:
            raise Stopped


class ThreadPool:
    """A pool of threads, by default one per core.

    A run has at most two tasks per thread in the queue, so a small run that starts during a large
    one waits for a few tasks only.  Code with its own threads, such as torch, first acquires
    `cores` for them.
    """

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or usable_cores()
        self.cores = Cores(self.threads)
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
        """Stop the threads when their running tasks are done."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def map(
        self, tasks: Iterable[Callable[[], T]], stop: Stop, *, small: bool = False
    ) -> Iterator[T]:
        """Yield the results of tasks, in order.

        Args:
            small: the tasks are too small for other threads, so they run in the caller's.

        Raises:
            Stopped: `stop` was set; running tasks have ended.
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
                running.append(self._pool.submit(self._on_a_core, task))
            while running:
                yield running.popleft().result()
                stop.check()
        finally:
            _drop(running)

    @contextmanager
    def beside(
        self, tasks: Iterable[Callable[[], T]], *, small: bool = False
    ) -> Iterator[Callable[[], list[T]]]:
        """Run tasks while the caller does something else; calling the yielded function returns
        their results.

        `small` tasks run at once.  On exit, tasks that have not started are cancelled, and running
        ones are waited for.
        """
        if small:
            results = [task() for task in tasks]
            yield lambda: results
            return
        waiting = deque((Future[T](), task) for task in tasks)
        futures = [future for future, _ in waiting]
        for _ in range(self.threads):
            self._pool.submit(self._do_next, waiting)
        try:
            yield lambda: [future.result() for future in futures]
        finally:
            waiting.clear()
            _drop(futures)

    def _do_next(self, waiting: deque[tuple[Future[T], Callable[[], T]]]) -> None:
        """Run one task, then queue for the next, behind other work that waits for a thread."""
        try:
            future, task = waiting.popleft()
        except IndexError:
            return
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(self._on_a_core(task))
        except BaseException as error:  # noqa: BLE001 - raised again with the result
            future.set_exception(error)
        if waiting:
            self._pool.submit(self._do_next, waiting)

    def _on_a_core(self, task: Callable[[], T]) -> T:
        with self.cores.taken():
            return task()

    def run(self, tasks: Iterable[Callable[[], T]], stop: Stop, *, small: bool = False) -> None:
        """Run tasks for their effects.  Arguments and errors are those of `map`."""
        for _ in self.map(tasks, stop, small=small):
            pass


def _drop(futures: Iterable[Future[T]]) -> None:
    """Cancel futures that have not started, and wait for the others."""
    for future in futures:
        future.cancel()
    for future in futures:
        if not future.cancelled():
            future.exception()
