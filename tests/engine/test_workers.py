"""The pool and the cores: fair, bounded, stoppable; no answer is lost and no fault hidden."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from stepzero_rnn.engine.cores import Cores
from stepzero_rnn.engine.thread_pool import Stop, Stopped, ThreadPool
from tests.waiting import wait_for


class Count:
    """How many are inside at once, now and at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now = self.most = 0

    def enter(self, count: int = 1) -> None:
        with self._lock:
            self.now += count
            self.most = max(self.most, self.now)

    def leave(self, count: int = 1) -> None:
        with self._lock:
            self.now -= count


class TestCores:
    def test_are_never_taken_more_often_than_there_are(self) -> None:
        cores, inside = Cores(3), Count()

        def work(count: int) -> None:
            for _ in range(50):
                with cores.taken(count):
                    inside.enter(count)
                    time.sleep(0.0001)
                    inside.leave(count)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, [1, 1, 1, 1, 2, 2, 3, 3]))

        assert inside.most <= 3
        assert inside.now == 0

    def test_are_given_back_after_a_fault(self) -> None:
        cores = Cores(1)
        with pytest.raises(ValueError, match="fault"), cores.taken():
            raise ValueError("fault")

        with cores.taken():
            pass

    def test_who_wants_more_than_there_are_gets_all(self) -> None:
        with Cores(2).taken(16):
            pass

    def test_who_wants_many_is_not_passed_over_by_those_who_want_few(self) -> None:
        cores, job = Cores(2), []
        first = cores.taken()
        first.__enter__()

        def take(name: str, count: int) -> threading.Thread:
            def run() -> None:
                with cores.taken(count):
                    job.append(name)

            thread = threading.Thread(target=run)
            thread.start()
            assert wait_for(lambda: len(cores._line) == len(threads) + 1, within_s=10)
            return thread

        threads: list[threading.Thread] = []
        for name, count in (("all", 2), ("one", 1)):
            threads.append(take(name, count))
        first.__exit__(None, None, None)
        for thread in threads:
            thread.join()

        assert job == ["all", "one"]


class TestMap:
    @pytest.mark.parametrize("threads", [1, 2, 7])
    @pytest.mark.parametrize("small", [False, True])
    def test_gives_results_in_order(self, threads: int, small: bool) -> None:
        tasks = (partial(pow, i, 2) for i in range(100))
        with ThreadPool(threads) as workers:
            assert list(workers.map(tasks, Stop(), small=small)) == [i * i for i in range(100)]

    def test_takes_no_more_tasks_than_it_can_carry(self) -> None:
        taken = []

        def tasks() -> Iterator[Callable[[], None]]:
            for i in range(100):
                taken.append(i)
                yield lambda: None

        with ThreadPool(2) as workers:
            next(iter(workers.map(tasks(), Stop())))
        assert len(taken) <= 6

    def test_ends_once_it_is_stopped(self) -> None:
        stop, done = Stop(), []

        def task(i: int) -> None:
            done.append(i)
            if i == 3:
                stop.set()

        with ThreadPool(2) as workers, pytest.raises(Stopped):
            workers.run((partial(task, i) for i in range(1000)), stop)
        assert len(done) < 20

    def test_raises_what_a_task_raises(self) -> None:
        with ThreadPool(2) as workers, pytest.raises(ZeroDivisionError):
            workers.run((partial(divmod, 1, i) for i in range(10)), Stop())


class TestBeside:
    @pytest.mark.parametrize("threads", [1, 2, 7])
    @pytest.mark.parametrize("small", [False, True])
    def test_gives_results_in_order(self, threads: int, small: bool) -> None:
        tasks = [partial(pow, i, 2) for i in range(100)]
        with ThreadPool(threads) as workers, workers.beside(tasks, small=small) as results:
            assert results() == [i * i for i in range(100)]

    def test_raises_what_a_task_raises(self) -> None:
        with (
            ThreadPool(2) as workers,
            pytest.raises(ZeroDivisionError),
            workers.beside([lambda: 1 // 0]) as results,
        ):
            results()

    def test_drops_what_was_not_begun_when_the_caller_fails(self) -> None:
        done: list[int] = []

        def task(i: int) -> None:
            time.sleep(0.01)
            done.append(i)

        tasks = [partial(task, i) for i in range(1000)]
        with ThreadPool(2) as workers:
            with pytest.raises(ValueError, match="fault"), workers.beside(tasks):
                raise ValueError("fault")
            after = len(done)
            assert after < 20
        assert len(done) == after

    def test_leaves_a_core_to_whoever_took_it(self) -> None:
        inside = Count()

        def task() -> None:
            inside.enter()
            time.sleep(0.001)
            inside.leave()

        with ThreadPool(2) as workers, workers.beside([task] * 20) as results:
            with workers.cores.taken():
                inside.enter()
                time.sleep(0.01)
                inside.leave()
            results()
        assert inside.most <= 2

    def test_takes_turns_with_others(self) -> None:
        """One thread, two crowds: neither waits until the other is through."""
        job: list[str] = []
        gate = threading.Event()
        with ThreadPool(1) as workers, workers.beside([gate.wait]) as opened:
            with (
                workers.beside([lambda: job.append("a")] * 10) as first,
                workers.beside([lambda: job.append("b")] * 10) as second,
            ):
                gate.set()
                first()
                second()
            opened()
        assert "b" in job[:3]
        assert "a" in job[:3]
