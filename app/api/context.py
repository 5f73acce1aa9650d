"""What a running server has: made once at start, handed to each request through the app's state."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

import anyio
from fastapi import Depends, Request

from app.engine.warm import warm
from app.errors import EngineFailed
from app.plan import FEW_CELLS
from app.service.limits import Limits
from app.service.order import Order, order
from app.service.produce import Factory
from app.service.store import Store
from app.settings import Settings
from app.spec.checkpoint import FormatName, Serving, Spec

_log = logging.getLogger("uvicorn.error")  # where the server's own log goes
T = TypeVar("T")
REQUEST_THREADS = 64  # waiting, not drawing: drawing has the factory's own pool


@dataclass(slots=True)
class Context:
    """The factory, the store of arrays, the limits and whether the kernels are compiled."""

    settings: Settings
    factory: Factory
    store: Store
    limits: Limits
    threads: anyio.CapacityLimiter
    warming: asyncio.Task[None]

    @property
    def ready(self) -> bool:
        """Whether a request would be served at once."""
        return self.warming.done() and self.warming.exception() is None

    async def wait_until_ready(self) -> None:
        """Wait for the kernels; an early request is late, not refused.

        Raises:
            EngineFailed: there will be none.
        """
        try:
            await asyncio.shield(self.warming)
        except EngineFailed:
            raise
        except Exception as error:
            raise EngineFailed(reason="its kernels could not be compiled") from error

    async def plan(self, spec: Spec, work: Callable[[], T]) -> T:
        """Plan, beside the event loop where that takes longer than going there."""
        if spec.cells <= FEW_CELLS:
            return work()
        return await self.beside(work)

    async def beside(self, work: Callable[[], T]) -> T:
        """Do what may wait for a disk beside the event loop."""
        return await anyio.to_thread.run_sync(work, limiter=self.threads)

    async def order(self, spec: Spec, name: FormatName, serving: Serving) -> Order:
        """Plan a checkpoint as a file.  Raises as `app.service.order.order`."""
        return await self.plan(spec, lambda: order(spec, name, serving, self.limits))


async def warm_up() -> None:
    """Compile the kernels beside the event loop; what start has made is then left out of garbage collections."""
    try:
        await anyio.to_thread.run_sync(warm)
    except Exception:
        _log.critical("this server cannot draw", exc_info=True)
        raise
    gc.collect()
    gc.freeze()


async def get_context(request: Request) -> Context:
    """Give the running server's context."""
    context: Context = request.state.context
    return context


CurrentContext = Annotated[Context, Depends(get_context)]
