"""The two ways to reach a server: blocking, and in an event loop.

The protocol is written once, as coroutines over a `Wire`.  Those of a `BlockingWire` never wait for
an event loop, so that `finished` runs them without one.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    ExitStack,
    asynccontextmanager,
)
from typing import Any, Protocol, Self, TypeVar

import anyio
import httpx
from anyio import to_thread

Result = TypeVar("Result")


class Wire(Protocol):
    """Connections, and whatever else takes time."""

    def __init__(self, **options: Any) -> None:
        """Take the options of an HTTP client of httpx."""

    def stream(
        self, method: str, path: str, **request: Any
    ) -> AbstractAsyncContextManager[httpx.Response]:
        """Send a request, and return its answer with the body unread."""

    def raw(self, response: httpx.Response) -> AsyncIterator[bytes]:
        """Return the body as it is sent."""

    def decoded(self, response: httpx.Response) -> AsyncIterator[bytes]:
        """Return the body without its content encoding."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""

    async def work(self, task: Callable[[], Result]) -> Result:
        """Do something that blocks for long: on the disk, or computing."""

    async def close(self) -> None:
        """Close the connections."""


class BlockingWire:
    """The thread that calls does all of it."""

    def __init__(self, **options: Any) -> None:
        self._http = httpx.Client(**options)

    @asynccontextmanager
    async def stream(self, method: str, path: str, **request: Any) -> AsyncIterator[httpx.Response]:
        with self._http.stream(method, path, **request) as response:
            yield response

    def raw(self, response: httpx.Response) -> AsyncIterator[bytes]:
        return _Ready(response.iter_raw())

    def decoded(self, response: httpx.Response) -> AsyncIterator[bytes]:
        return _Ready(response.iter_bytes())

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251 - no event loop runs this

    async def work(self, task: Callable[[], Result]) -> Result:
        return task()

    async def close(self) -> None:
        self._http.close()


class AsyncWire:
    """The event loop waits; what blocks is done in a thread."""

    def __init__(self, **options: Any) -> None:
        self._http = httpx.AsyncClient(**options)

    def stream(
        self, method: str, path: str, **request: Any
    ) -> AbstractAsyncContextManager[httpx.Response]:
        return self._http.stream(method, path, **request)

    def raw(self, response: httpx.Response) -> AsyncIterator[bytes]:
        return response.aiter_raw()

    def decoded(self, response: httpx.Response) -> AsyncIterator[bytes]:
        return response.aiter_bytes()

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    async def work(self, task: Callable[[], Result]) -> Result:
        done: Future[Result] = Future()

        def settle() -> None:
            try:
                done.set_result(task())
            except BaseException as error:  # noqa: BLE001 - raised below
                done.set_exception(error)

        # A group waits for the thread however it is cancelled: the file that it reads stays open.
        async with anyio.create_task_group() as group:
            group.start_soon(to_thread.run_sync, settle)
        return done.result()

    async def close(self) -> None:
        await self._http.aclose()


class _Ready(AsyncIterator[bytes]):
    """What can be had without an event loop, for code that awaits it."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            return next(self._pieces)
        except StopIteration:
            raise StopAsyncIteration from None


def finished(steps: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine over a `BlockingWire` to its end."""
    try:
        steps.send(None)
    except StopIteration as end:
        result: Result = end.value
        return result
    steps.close()
    raise RuntimeError("A blocking client waited for an event loop.")


@asynccontextmanager
async def ending_at_work(
    wire: Wire, context: AbstractContextManager[Result]
) -> AsyncIterator[Result]:
    """Enter a context whose end may block for long, as one that fills a pipe does."""
    with ExitStack() as stack:
        yield stack.enter_context(context)
        await wire.work(stack.pop_all().close)
