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
from app.context import Context
from app.disconnects import wait_watched
from app.scope import caller_of, stats_of
from stepzero_rnn.pipeline.costs import SLOTS, Cost

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


@asynccontextmanager
async def acquired_meanwhile(request: Request, context: Context, cost: Cost) -> AsyncIterator[None]:
    """Hold what some work takes for as long as it runs; a request that holds a slot needs no other.

    Raises:
        TooLarge: the cost exceeds the whole budget.
        Busy: there is not enough capacity at the moment.
        ClientDisconnect: the client did not wait.
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
