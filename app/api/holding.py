"""What a request holds of the server, and who gives it back: whoever began the request, however it ends.  Pure ASGI."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.context import Context
from app.api.observed import account_of
from app.api.streaming import wait_watched
from app.service.budget import Claim, Cost
from app.service.costs import cost_of_stream
from app.service.order import Order
from app.service.pace import Pace, Patience

HELD, CLAIM = "stepzero.held", "stepzero.claim"


class Holding:
    """Gives back what a request holds: done, refused, left, broken, or its answer never begun."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        with ExitStack() as held:
            scope[HELD] = held
            await self._app(scope, _lasting(receive, held), send)


def _lasting(receive: Receive, held: ExitStack) -> Receive:
    """Give a `receive` that loses no message to whoever is cancelled while waiting for it: the next one gets that.

    Servers differ in what becomes of it otherwise.  Granian's next call then tells that the client has left.
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


async def hold(request: Request, context: Context, cost: Cost) -> Claim:
    """Wait for what a request takes, and hold it until that ends; what it holds already suffices.

    Raises:
        TooLarge: there is never so much.
        Busy: there is not so much for now.
        ClientDisconnect: the client did not wait.
    """
    scope, admission = request.scope, context.admission

    async def admit() -> Claim:
        claim = await admission.admit(cost)
        scope[HELD].callback(admission.budget.give_back, claim)
        scope[CLAIM] = claim
        return claim

    held: Claim | None = scope.get(CLAIM)
    if held is not None:
        return held
    with account_of(request).stage("queue"):
        return await wait_watched(request.receive, admit)


def pace_of(context: Context, order: Order, claim: Claim) -> Pace:
    """Give the pace of a stream, and let go of what only the work before it took."""
    budget, settings = context.admission.budget, context.settings

    def resize(chunk_bytes: int) -> bool:
        return budget.resize(claim, cost_of_stream(order, chunk_bytes))

    found = Pace(Patience(settings.least_reader_bytes_per_s, settings.reader_grace_s), resize)
    resize(found.chunk_bytes)
    return found
