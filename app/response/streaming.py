"""The response that sends a file while it is drawn, and owns everything that takes.

One chunk is made ahead of the one being sent, as small as its pace asks for, on a thread, and in a
slot if it is dear, that are held no longer than that takes: a slow reader holds neither.  A watcher
waits for the client to leave, and one that reads too slowly is cut off.  Whoever ends first,
`finally` stops the drawing, after the chunk under way, and closes the generator: nothing is left to
the garbage collector.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import Protocol

import anyio
from anyio.streams.memory import MemoryObjectSendStream
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.admission.chunk_sizer import ChunkSizer
from app.disconnects import call_when_gone, run_watched, wait_watched
from app.request_threads import RequestThreads
from app.scope import ABORT, stats_of
from stepzero_rnn.engine.thread_pool import Stop, Stopped
from stepzero_rnn.pipeline.assemble import Buffer


class Turn(Protocol):
    """What a stream has to have while it makes a chunk that is dear."""

    async def take(self, *, max_wait_s: float | None = None) -> None:
        """Wait for it, for so long, or as long as a request may.  Raises Busy."""

    def give_back(self) -> None:
        """Let others have it."""


class SlowReader(Exception):
    """The reader took less than it has to."""


class ChunkResponse(Response):
    """Sends the chunks of a file whose length is known.

    Args:
        open_chunks: gives a generator of the chunks.  It is called, and its first chunk made,
            before the status line is sent, so what it refuses is still a whole answer.  Before a
            chunk that is dear stands an empty one.
        turn: waited for before what is dear; before the status line as long as a request may, and
            then without an end.
        pace: learns how fast the client reads.
        headers: among them the bytes of all chunks together.
    """

    def __init__(
        self,
        open_chunks: Callable[[Stop], Iterator[Buffer]],
        threads: RequestThreads,
        turn: Turn,
        sizer: ChunkSizer,
        *,
        status_code: int,
        headers: Mapping[str, str],
    ) -> None:
        self.status_code = status_code
        self.background = None
        self._open = open_chunks
        self._threads = threads
        self._turn = turn
        self._queue = anyio.CancelScope()
        self._sizer = sizer
        self._length = int(headers["Content-Length"])
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        stop = Stop()
        chunks = self._open(stop)
        try:
            # In a list that is emptied: no frame keeps the first chunk while the others are sent.
            first = [await self._first(receive, stop, chunks)]
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            async with anyio.create_task_group() as group:
                group.start_soon(call_when_gone, receive, partial(self._leave, stop))
                await self._send_all(first, chunks, partial(self._send, scope, send))
                group.cancel_scope.cancel()
        finally:
            stop.set()
            chunks.close()  # type: ignore[attr-defined]  # no task runs the generator any more

    async def _first(self, receive: Receive, stop: Stop, chunks: Iterator[Buffer]) -> Buffer:
        draw = partial(run_watched, receive, self._threads, stop, lambda: next(chunks))
        while not (chunk := await draw()):
            await wait_watched(receive, self._turn.take)
        self._turn.give_back()
        return chunk

    def _leave(self, stop: Stop) -> None:
        stop.set()
        self._queue.cancel()

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
        """Send a chunk once the one before it has left; cut the reader off if that takes too
        long.
        """
        began_s = time.perf_counter()
        with anyio.move_on_after(self._sizer.credit.credit_s) as limit:
            await send({"type": "http.response.body", "body": body, "more_body": more})
        if limit.cancelled_caught:
            _cut_off(scope)
        self._sizer.took(len(body), time.perf_counter() - began_s)

    async def _make(self, chunks: Iterator[Buffer], made: MemoryObjectSendStream[Buffer]) -> None:
        async with made:
            while (chunk := await self._next(chunks)) is not None:
                await made.send(chunk)

    async def _next(self, chunks: Iterator[Buffer]) -> Buffer | None:
        """Return the next chunk, once it is its turn; None after the last, or when the client
        left.
        """
        try:
            while (chunk := await self._taken(chunks)) is not None and not chunk:
                with self._queue:
                    await self._turn.take(max_wait_s=math.inf)
                if self._queue.cancel_called:
                    return None
                self._queue = anyio.CancelScope()
            return chunk
        finally:
            self._turn.give_back()

    async def _taken(self, chunks: Iterator[Buffer]) -> Buffer | None:
        return await self._threads.run(partial(_take, chunks), max_wait_s=math.inf)


def _take(chunks: Iterator[Buffer]) -> Buffer | None:
    """Return the next chunk; None after the last, or when the client left."""
    try:
        return next(chunks, None)
    except Stopped:
        return None


def _cut_off(scope: Scope) -> None:
    """Break the connection, with all that the server still holds for it; the stream then ends as if
    the reader had left.

    Raises:
        SlowReader: the server lets nobody do that, and breaks it off by itself for that.
    """
    stats_of(Request(scope)).end("cut")
    abort = scope.get("extensions", {}).get(ABORT)
    if abort is None:
        raise SlowReader
    abort()
