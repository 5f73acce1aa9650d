"""Several processes that serve on one socket and share nothing else, and the one that watches them.

The bytes are the same from all of them, so it does not matter which one a connection reaches.

uvicorn has such a supervisor, but not these promises: it waits without an end for a worker that
does not stop, takes no second signal while it waits, and its workers answer for themselves from a
thread, which goes on where the event loop hangs.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess

from app.settings import Settings
from app.telemetry.worker_folder import clear_away, last_beat_ns

Serve = Callable[[Settings, socket.socket], None]
LOOK_S = 0.2  # between two looks for signals
MAX_LOOK_S = 1.0  # what one look counts at most: a machine that stood still makes no worker silent
STABLE_S = 10.0  # a worker that ends sooner will not do better when started again
START_S = 300.0  # for a worker to begin, from a slow disk
END_S = 5.0  # beyond the grace, for a worker to end by itself
CLEAN = (0, -signal.SIGTERM)  # the latter: it was told to stop before it had begun
_spawn = get_context("spawn")  # threads and CUDA do not survive a fork
_log = logging.getLogger("uvicorn.error")  # where the server's own log goes


@dataclass(slots=True)
class _Worker:
    """A process that serves: since when, when it last said so, and for how long it has said nothing
    since.
    """

    process: SpawnProcess
    began_s: float
    beat_ns: int | None = None
    silent_s: float = 0.0

    def look(self, passed_s: float) -> None:
        """See whether it has said that it runs."""
        beat_ns = last_beat_ns(self.pid)
        self.silent_s = self.silent_s + passed_s if beat_ns == self.beat_ns else 0.0
        self.beat_ns = beat_ns

    @property
    def pid(self) -> int:
        """Its number; it has been started."""
        return self.process.pid or 0

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self.process.is_alive()


class Supervisor:
    """Starts workers, starts another for one that died or hangs, hands signals on, and sees to it
    that all end.

    Args:
        serve: what a worker does, in a process of its own.
    """

    def __init__(self, serve: Serve, settings: Settings, listener: socket.socket) -> None:
        self._serve = serve
        self._settings = settings
        self._listener = listener
        self._signals: list[int] = []
        self._workers: list[_Worker] = []

    def run(self, workers: int) -> None:
        """Keep so many workers running until a signal ends them.

        Raises:
            SystemExit: with 1, if a worker could not be kept running, or did not stop cleanly.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda got, _: self._signals.append(got))
        for _ in range(workers):
            self._start()
        failed = self._watch()
        self._end(signals=0 if failed else 1)
        if failed or any(worker.process.exitcode not in CLEAN for worker in self._workers):
            raise SystemExit(1)

    def _watch(self) -> bool:
        """Replace workers that die or hang until a signal comes; say whether one died too soon for
        that.
        """
        looked_s = time.monotonic()
        while not self._signals:
            wait([worker.process.sentinel for worker in self._workers], LOOK_S)
            now_s = time.monotonic()
            self._end_the_silent(min(now_s - looked_s, MAX_LOOK_S))
            looked_s = now_s
            for worker in [each for each in self._workers if not each.runs]:
                if not self._replace(worker):
                    return True
        return False

    def _end_the_silent(self, passed_s: float) -> None:
        for worker in self._workers:
            worker.look(passed_s)
            max_s = START_S if worker.beat_ns is None else self._settings.worker_timeout_s
            if worker.silent_s > max_s and worker.runs:
                _log.error("worker %d has hung for %.0f s", worker.pid, worker.silent_s)
                worker.process.kill()
                worker.silent_s = (
                    0.0  # the kernel ends it when it can; it is not told again at every look
                )

    def _replace(self, worker: _Worker) -> bool:
        """Start another for a worker that has ended, unless it ended too soon for that to help."""
        _log.error("worker %d ended with %s", worker.pid, worker.process.exitcode)
        self._workers.remove(worker)
        lasted_s = time.monotonic() - worker.began_s
        if lasted_s < STABLE_S and worker.process.exitcode != -signal.SIGKILL:
            return False
        self._start()
        return True

    def _start(self) -> None:
        arguments = (self._serve, self._settings, self._listener)
        process = _spawn.Process(target=_work, args=arguments)
        process.start()
        self._workers.append(_Worker(process, time.monotonic()))

    def _end(self, signals: int) -> None:
        """Tell all to end, and kill those that do not in time, or once there are more signals than
        `signals`.
        """
        self._tell(signal.SIGTERM)
        end_s = time.monotonic() + self._settings.shutdown_grace_s + END_S
        while running := [worker.process.sentinel for worker in self._workers if worker.runs]:
            wait(running, LOOK_S)
            if len(self._signals) > signals or time.monotonic() > end_s:
                self._tell(signal.SIGKILL)

    def _tell(self, number: signal.Signals) -> None:
        for worker in self._workers:
            if worker.runs:
                os.kill(worker.pid, number)


def _work(serve: Serve, settings: Settings, listener: socket.socket) -> None:
    """Serve, and stop if the supervisor dies."""
    os.setpgrp()  # what a terminal sends goes to the supervisor alone, which hands it on
    supervisor = parent_process()
    grace_s = settings.shutdown_grace_s
    threading.Thread(target=_stop_with, args=(supervisor, grace_s), daemon=True).start()
    serve(settings, listener)
    if supervisor and not supervisor.is_alive():
        clear_away()


def _stop_with(supervisor: object, grace_s: float) -> None:
    wait([supervisor.sentinel])  # type: ignore[attr-defined]
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace_s + END_S)
    os._exit(1)  # nobody is left who would kill what hangs
