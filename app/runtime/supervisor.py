"""Runs and supervises worker processes that share a listening socket and nothing else.

All workers produce the same bytes, so it does not matter which one accepts a connection.

uvicorn's own supervisor differs: it waits indefinitely for a worker that does not stop, ignores a
second signal while it waits, and its workers answer health checks from a thread, which keeps
running even if the event loop hangs.
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
LOOK_S = 0.2  # between two checks for signals
MAX_LOOK_S = 1.0  # counted per check at most, so that a suspended machine does not fail its workers
STABLE_S = 10.0  # a worker that exits sooner would fail again after a restart
START_S = 300.0  # for a worker to start, from a slow disk
END_S = 5.0  # after the grace period, for a worker to exit
CLEAN = (0, -signal.SIGTERM)  # the latter: stopped before it had installed its handler
_spawn = get_context("spawn")  # threads and CUDA do not survive a fork
_log = logging.getLogger("uvicorn.error")  # where the server's own log goes


@dataclass(slots=True)
class _Worker:
    """A worker process: its start, its last heartbeat and the time without one."""

    process: SpawnProcess
    began_s: float
    beat_ns: int | None = None
    silent_s: float = 0.0

    def look(self, passed_s: float) -> None:
        """Check for a new heartbeat."""
        beat_ns = last_beat_ns(self.pid)
        self.silent_s = self.silent_s + passed_s if beat_ns == self.beat_ns else 0.0
        self.beat_ns = beat_ns

    @property
    def pid(self) -> int:
        return self.process.pid or 0

    @property
    def runs(self) -> bool:
        return self.process.is_alive()


class Supervisor:
    """Starts workers, replaces those that die or hang, forwards signals, and makes sure that all
    workers exit.

    Args:
        serve: runs in each worker process.
    """

    def __init__(self, serve: Serve, settings: Settings, listener: socket.socket) -> None:
        self._serve = serve
        self._settings = settings
        self._listener = listener
        self._signals: list[int] = []
        self._workers: list[_Worker] = []

    def run(self, workers: int) -> None:
        """Keep this number of workers running until a stop signal.

        Raises:
            SystemExit: with status 1, if a worker could not be kept running or did not stop
                cleanly.
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
        """Replace workers that die or hang until a signal arrives; return True if one died right
        after its start.
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
                _log.error("worker %d sent no heartbeat for %.0f s", worker.pid, worker.silent_s)
                worker.process.kill()
                worker.silent_s = 0.0  # not killed again at every check

    def _replace(self, worker: _Worker) -> bool:
        """Replace a worker that has exited; return False if it exited right after its start."""
        _log.error("worker %d exited with status %s", worker.pid, worker.process.exitcode)
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
        """Stop all workers; kill the rest when time is up, or on more signals than `signals`."""
        self._send(signal.SIGTERM)
        end_s = time.monotonic() + self._settings.shutdown_grace_s + END_S
        while running := [worker.process.sentinel for worker in self._workers if worker.runs]:
            wait(running, LOOK_S)
            if len(self._signals) > signals or time.monotonic() > end_s:
                self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        for worker in self._workers:
            if worker.runs:
                os.kill(worker.pid, number)


def _work(serve: Serve, settings: Settings, listener: socket.socket) -> None:
    """Serve, and stop if the supervisor dies."""
    os.setpgrp()  # a terminal's signals reach the supervisor alone, which forwards them
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
    os._exit(1)  # no supervisor is left to kill a hanging worker
