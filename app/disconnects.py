"""Cancels work and waits when the client disconnects."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from app.request_threads import RequestThreads
from stepzero_rnn.engine.thread_pool import Stop, Stopped
from stepzero_rnn.errors import StepZeroError

T = TypeVar("T")


async def run_watched(
    receive: Receive, threads: RequestThreads, stop: Stop, work: Callable[[], T]
) -> T:
    """Run work on a thread; set `stop` when the client disconnects.

    Raises:
        ClientDisconnect: the client disconnected, and the work has ended.
    """
    results: list[T] = []
    failures: list[BaseException] = []

    def attempt() -> None:
        try:
            results.append(work())
        except Stopped:
            pass  # not stored: its traceback would keep every frame alive
        except BaseException as error:  # noqa: BLE001 - raised below: the task group would wrap it
            failures.append(error)

    async with anyio.create_task_group() as group:
        group.start_soon(call_when_gone, receive, stop.set)
        try:
            await threads.run(attempt)
        except Exception as error:  # noqa: BLE001 - for the same reason
            failures.append(error)
        group.cancel_scope.cancel()
    if failures:
        raise failures.pop()
    if not results:
        raise ClientDisconnect
    return results.pop()


async def wait_watched(receive: Receive, wait: Callable[[], Awaitable[T]]) -> T:
    """Wait for something while the client is connected.

    Raises:
        ClientDisconnect: the client disconnected.
    """
    results: list[T] = []
    errors: list[StepZeroError] = []
    async with anyio.create_task_group() as group:
        group.start_soon(call_when_gone, receive, group.cancel_scope.cancel)
        try:
            results.append(await wait())
        except StepZeroError as error:
            errors.append(error)
        group.cancel_scope.cancel()
    if errors:
        raise errors.pop()
    if not results:
        raise ClientDisconnect
    return results.pop()


async def call_when_gone(receive: Receive, call: Callable[[], object]) -> None:
    """Call something once the client has disconnected."""
    while (await receive())["type"] != "http.disconnect":
        pass
    call()
