"""What a request holds of the server, and who gives it back: whoever began the request, however it
ends.

Pure ASGI.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.admission.budget import Claim
from app.admission.chunk_sizer import ChunkSizer, TransferCredit
from app.context import Context
from app.disconnects import wait_watched
from app.scope import caller_of, stats_of
from stepzero_rnn.pipeline.costs import CHUNKS, HOST, SLOTS, Cost, cost_of_drawing
from stepzero_rnn.pipeline.job import Job

HELD, CLAIM = "stepzero.held", "stepzero.claim"


class ReleaseOnExit:
    """Gives back what a request holds: done, refused, left, broken, or its answer never begun."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        with ExitStack() as held:
            scope[HELD] = held
            await self._app(scope, _lasting(receive, held), send)


def _lasting(receive: Receive, held: ExitStack) -> Receive:
    """Return a `receive` that loses no message to whoever is cancelled while waiting for it: the
    next one gets that.

    Servers differ in what becomes of it otherwise.  Granian's next call then tells that the client
    has left.
    """
    waiting: list[asyncio.Future[Message]] = []

    async def receive_lastingly() -> Message:
        if not waiting:
            waiting.append(asyncio.ensure_future(receive()))
        message = await asyncio.shield(waiting[0])
        waiting.clear()
        return message

    held.callback(lambda: [each.cancel() for each in waiting])
    return receive_lastingly


async def acquire(request: Request, context: Context, cost: Cost) -> Claim:
    """Wait for what a request takes, and hold it until that ends; what it holds already suffices.

    Raises:
        TooLarge: there is never so much.
        Busy: there is not so much for now.
        ClientDisconnect: the client did not wait.
    """
    scope, admission = request.scope, context.admission

    async def admit() -> Claim:
        claim = await admission.admit(cost, caller=caller_of(scope))
        scope[HELD].callback(admission.budget.give_back, claim)
        scope[CLAIM] = claim
        return claim

    held: Claim | None = scope.get(CLAIM)
    if held is not None:
        return held
    with stats_of(request).stage("queue"):
        return await wait_watched(request.receive, admit)


@asynccontextmanager
async def acquired_meanwhile(request: Request, context: Context, cost: Cost) -> AsyncIterator[None]:
    """Hold what something takes for as long as it goes on; raises as `acquire`.

    Who has a slot needs no other.
    """
    scope, admission = request.scope, context.admission
    held: Claim | None = scope.get(CLAIM)
    if held is not None and held.cost.get(SLOTS):
        yield
        return

    async def admit() -> Claim:
        return await admission.admit(cost, caller=caller_of(scope), is_under_way=held is not None)

    with stats_of(request).stage("queue"):
        claim = await wait_watched(request.receive, admit)
    try:
        yield
    finally:
        admission.budget.give_back(claim)


class Turn:
    """The slot that a stream has while it makes what is dear to make.

    Args:
        claim: what the request holds; a slot in it is used first.
        stream: what the stream takes beside it, for chunks of a size.
    """

    def __init__(
        self, request: Request, context: Context, job: Job, claim: Claim, sizer: ChunkSizer
    ) -> None:
        self._admission = context.admission
        self._stats, self._caller = stats_of(request), caller_of(request.scope)
        self._cost = cost_of_drawing(job)
        self._claim, self._sizer = claim, sizer
        self._slot: Claim | None = None
        request.scope[HELD].callback(self.give_back)

    async def take(self, *, max_wait_s: float | None = None) -> None:
        """Wait for a slot, unless there is one.

        Raises:
            Busy: there was none for so long.
        """
        if self._slot is None and not self._claim.cost.get(SLOTS):
            with self._stats.stage("queue"):
                self._slot = await self._admission.admit(
                    self._cost, caller=self._caller, is_under_way=True, max_wait_s=max_wait_s
                )

    def give_back(self) -> None:
        """Let others have the slot, and what only the work before the stream took."""
        if self._slot is not None:
            self._admission.budget.give_back(self._slot)
            self._slot = None
        elif self._claim.cost.get(SLOTS):
            self._sizer.resize(self._sizer.chunk_bytes)


def chunk_sizer_of(context: Context, claim: Claim, min_bytes: int) -> ChunkSizer:
    """Return the pace of a stream, which takes `min_bytes` beside its chunks; these are as large as
    there is room for.
    """
    budget, settings = context.admission.budget, context.settings

    def resize(chunk_bytes: int) -> bool:
        return budget.resize(claim, {HOST: min_bytes + CHUNKS * chunk_bytes})

    return ChunkSizer(
        TransferCredit(settings.min_client_bytes_per_s, settings.client_grace_s), resize
    )
