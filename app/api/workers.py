"""Several processes that serve on one socket and share nothing else, and the one that watches them.

The bytes are the same from all of them, so it does not matter which one a connection reaches.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess

from app.service.metrics import clear_away
from app.settings import Settings

Serve = Callable[[Settings, socket.socket], None]
LOOK_S = 0.2  # between two looks for signals
STABLE_S = 10.0  # a worker that ends sooner will not do better when started again
CLEAN = (0, -signal.SIGTERM)  # the latter: it was told to stop before it had begun
_spawn = get_context("spawn")  # threads and CUDA do not survive a fork
_log = logging.getLogger("uvicorn.error")  # where the server's own log goes


class Supervisor:
    """Starts workers, starts another for one that died, and hands signals on.

    Args:
        serve: what a worker does, in a process of its own.
    """

    def __init__(self, serve: Serve, settings: Settings, listener: socket.socket) -> None:
        self._serve = serve
        self._settings = settings
        self._listener = listener
        self._signals: list[int] = []
        self._started_s: dict[SpawnProcess, float] = {}

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
        self._tell(signal.SIGTERM)
        while self._running:
            wait([process.sentinel for process in self._running], LOOK_S)
            if len(self._signals) > (0 if failed else 1):
                self._tell(signal.SIGKILL)
        if failed or any(process.exitcode not in CLEAN for process in self._started_s):
            raise SystemExit(1)

    @property
    def _running(self) -> list[SpawnProcess]:
        return [process for process in self._started_s if process.is_alive()]

    def _watch(self) -> bool:
        """Replace workers that die until a signal comes; say whether one died too soon for that."""
        while not self._signals:
            wait([process.sentinel for process in self._started_s], LOOK_S)
            for process in [p for p in self._started_s if not p.is_alive()]:
                lasted_s = time.monotonic() - self._started_s.pop(process)
                _log.error("worker %d ended with %s", process.pid, process.exitcode)
                if lasted_s < STABLE_S and process.exitcode != -signal.SIGKILL:
                    return True
                self._start()
        return False

    def _start(self) -> None:
        arguments = (self._serve, self._settings, self._listener)
        process = _spawn.Process(target=_work, args=arguments)
        process.start()
        self._started_s[process] = time.monotonic()

    def _tell(self, number: signal.Signals) -> None:
        for process in self._running:
            if process.pid is not None:
                os.kill(process.pid, number)


def _work(serve: Serve, settings: Settings, listener: socket.socket) -> None:
    """Serve, and stop if the supervisor dies."""
    os.setpgrp()  # what a terminal sends goes to the supervisor alone, which hands it on
    supervisor = parent_process()
    threading.Thread(target=_stop_with, args=(supervisor,), daemon=True).start()
    serve(settings, listener)
    if supervisor and not supervisor.is_alive():
        clear_away()


def _stop_with(supervisor: object) -> None:
    wait([supervisor.sentinel])  # type: ignore[attr-defined]
    os.kill(os.getpid(), signal.SIGTERM)
