"""The response that sends a file while it is drawn, and owns everything that takes.

One chunk is made ahead of the one being sent, on a thread that is held no longer than that takes, so a slow reader holds
none; a watcher waits for the client to leave.  Whoever ends first, `finally` stops the drawing, after the chunk under way,
and closes the generator: nothing is left to the garbage collector.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import anyio
from anyio.streams.memory import MemoryObjectSendStream
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.engine.workers import Stop, Stopped
from app.service.assemble import Buffer

T = TypeVar("T")


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
        group.start_soon(_stop_when_gone, receive, stop)
        await anyio.to_thread.run_sync(attempt, limiter=threads)
        group.cancel_scope.cancel()
    if failures:
        raise failures.pop()
    if not results:
        raise ClientDisconnect
    return results.pop()


class ChunkResponse(Response):
    """Sends the chunks of a file whose length is known.

    Args:
        open_chunks: gives a generator of the chunks.  It is called, and its first chunk made, before the status
            line is sent, so what it refuses is still a whole answer.
        length: the bytes of all chunks together.
    """

    def __init__(
        self,
        open_chunks: Callable[[Stop], Iterator[Buffer]],
        threads: anyio.CapacityLimiter,
        *,
        length: int,
        status_code: int,
        headers: Mapping[str, str],
    ) -> None:
        self.status_code = status_code
        self.background = None
        self._open = open_chunks
        self._threads = threads
        self._length = length
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        stop = Stop()
        chunks = self._open(stop)
        try:
            first = await run_watched(receive, self._threads, stop, lambda: next(chunks))
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            if len(first) == self._length:
                await _send_body(send, first, more=False)
                return
            async with anyio.create_task_group() as group:
                group.start_soon(_stop_when_gone, receive, stop)
                await self._send_all(first, chunks, send)
                group.cancel_scope.cancel()
        finally:
            stop.set()
            chunks.close()  # type: ignore[attr-defined]  # no task runs the generator any more

    async def _send_all(self, first: Buffer, chunks: Iterator[Buffer], send: Send) -> None:
        made, taken = anyio.create_memory_object_stream[Buffer](0)
        async with anyio.create_task_group() as group, taken:
            group.start_soon(self._make, chunks, made)
            await _send_body(send, first, more=True)
            async for chunk in taken:
                await _send_body(send, chunk, more=True)
        await _send_body(send, b"", more=False)

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


async def _send_body(send: Send, body: Buffer, *, more: bool) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def _stop_when_gone(receive: Receive, stop: Stop) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stop.set()
