"""The response that sends a file while it is drawn, and owns everything that takes.

One chunk is made ahead of the one being sent, on a thread that is held no longer than that takes, so a slow reader holds
none, and as small as its pace asks for; a watcher waits for the client to leave, and one that reads too slowly is cut off.  Whoever ends first, `finally` stops the drawing, after the chunk under way,
and closes the generator: nothing is left to the garbage collector.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import TypeVar

import anyio
from anyio.streams.memory import MemoryObjectSendStream
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api.observed import account_of
from app.engine.workers import Stop, Stopped
from app.errors import StepZeroError
from app.service.assemble import Buffer
from app.service.pace import Pace

T = TypeVar("T")
ABORT = "stepzero.abort"  # in the scope's extensions: breaks the connection off


class SlowReader(Exception):
    """The reader took less than it has to."""


async def run_watched(
    receive: Receive, threads: anyio.CapacityLimiter, stop: Stop, work: Callable[[], T]
) -> T:
    """Run work on a thread; set `stop` when the client leaves.

    Raises:
        ClientDisconnect: the client left; the work has ended.
    """
    results: list[T] = []
    failures: list[BaseException] = []

    def attempt() -> None:
        try:
            results.append(work())
        except Stopped:
            pass  # not kept: its traceback would keep everything it passed through
        except BaseException as error:  # noqa: BLE001 - carried past the task group, which would wrap it
            failures.append(error)

    async with anyio.create_task_group() as group:
        group.start_soon(_call_when_gone, receive, stop.set)
        await anyio.to_thread.run_sync(attempt, limiter=threads)
        group.cancel_scope.cancel()
    if failures:
        raise failures.pop()
    if not results:
        raise ClientDisconnect
    return results.pop()


async def wait_watched(receive: Receive, wait: Callable[[], Awaitable[T]]) -> T:
    """Wait for something, but no longer than the client does.

    Raises:
        ClientDisconnect: the client left.
    """
    found: list[T] = []
    refusals: list[StepZeroError] = []
    async with anyio.create_task_group() as group:
        group.start_soon(_call_when_gone, receive, group.cancel_scope.cancel)
        try:
            found.append(await wait())
        except StepZeroError as refusal:
            refusals.append(refusal)
        group.cancel_scope.cancel()
    if refusals:
        raise refusals.pop()
    if not found:
        raise ClientDisconnect
    return found.pop()


class ChunkResponse(Response):
    """Sends the chunks of a file whose length is known.

    Args:
        open_chunks: gives a generator of the chunks.  It is called, and its first chunk made, before the status
            line is sent, so what it refuses is still a whole answer.
        pace: learns how fast the client reads.
        length: the bytes of all chunks together.
    """

    def __init__(
        self,
        open_chunks: Callable[[Stop], Iterator[Buffer]],
        threads: anyio.CapacityLimiter,
        pace: Pace,
        *,
        length: int,
        status_code: int,
        headers: Mapping[str, str],
    ) -> None:
        self.status_code = status_code
        self.background = None
        self._open = open_chunks
        self._threads = threads
        self._pace = pace
        self._length = length
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        stop = Stop()
        chunks = self._open(stop)
        try:
            # In a list that is emptied: no frame keeps the first chunk while the others are sent.
            first = [await run_watched(receive, self._threads, stop, lambda: next(chunks))]
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            async with anyio.create_task_group() as group:
                group.start_soon(_call_when_gone, receive, stop.set)
                await self._send_all(first, chunks, partial(self._send, scope, send))
                group.cancel_scope.cancel()
        finally:
            stop.set()
            chunks.close()  # type: ignore[attr-defined]  # no task runs the generator any more

    async def _send_all(
        self, first: list[Buffer], chunks: Iterator[Buffer], send: Callable[..., Awaitable[None]]
    ) -> None:
        made, taken = anyio.create_memory_object_stream[Buffer](0)
        async with anyio.create_task_group() as group, taken:
            if len(first[0]) < self._length:
                group.start_soon(self._make, chunks, made)
            else:
                made.close()
            await send(first.pop())
            async for chunk in taken:
                await send(chunk)
        await send(b"", more=False)  # once nearly all of it has left

    async def _send(self, scope: Scope, send: Send, body: Buffer, *, more: bool = True) -> None:
        """Send a chunk once the one before it has left; cut the reader off if that takes too long."""
        began_s = time.perf_counter()
        with anyio.move_on_after(self._pace.patience.credit_s) as limit:
            await send({"type": "http.response.body", "body": body, "more_body": more})
        if limit.cancelled_caught:
            _cut_off(scope)
        self._pace.took(len(body), time.perf_counter() - began_s)

    async def _make(self, chunks: Iterator[Buffer], made: MemoryObjectSendStream[Buffer]) -> None:
        async with made:
            while (chunk := await self._next(chunks)) is not None:
                await made.send(chunk)

    async def _next(self, chunks: Iterator[Buffer]) -> Buffer | None:
        return await anyio.to_thread.run_sync(_take, chunks, limiter=self._threads)


def _take(chunks: Iterator[Buffer]) -> Buffer | None:
    """Give the next chunk; None after the last, or when the client left."""
    try:
        return next(chunks, None)
    except Stopped:
        return None


def _cut_off(scope: Scope) -> None:
    """Break the connection, with all that the server still holds for it; the stream then ends as if the reader had left.

    Raises:
        SlowReader: the server lets nobody do that, and breaks it off by itself for that.
    """
    account_of(Request(scope)).end("cut")
    abort = scope.get("extensions", {}).get(ABORT)
    if abort is None:
        raise SlowReader
    abort()


async def _call_when_gone(receive: Receive, call: Callable[[], object]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    call()
