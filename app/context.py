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

from app.admission.admission import Admission
from app.admission.budget import Budget
from app.request_threads import RequestThreads
from app.settings import Settings
from app.telemetry.metrics import Load, Metrics
from app.telemetry.periodic import keep
from app.telemetry.worker_folder import is_shared
from stepzero_rnn.engine.devices import devices
from stepzero_rnn.engine.warmup import warm
from stepzero_rnn.errors import EngineFailed, NotReady
from stepzero_rnn.pipeline.costs import HOST, MAX_PLANS, PLANS, SLOTS, WORK
from stepzero_rnn.pipeline.factory import Factory
from stepzero_rnn.pipeline.limits import Limits
from stepzero_rnn.thresholds import SMALL_MULTIPLY_ADDS
from stepzero_rnn.uploads.store import Store

_log = logging.getLogger("stepzero")
T = TypeVar("T")
REQUEST_THREADS = 64  # waiting, not drawing: drawing has the factory's own pool


@dataclass(slots=True)
class ServerState:
    """Whether new requests are let in; closed for good when the server is to stop."""

    is_accepting: bool = True


@dataclass(slots=True)
class Context:
    """The factory, the store of arrays, the limits, what may run at once, and whether the kernels
    are compiled.
    """

    settings: Settings
    factory: Factory
    store: Store
    limits: Limits
    admission: Admission
    server_state: ServerState
    threads: RequestThreads
    warming: asyncio.Task[None]
    metrics: Metrics

    @property
    def ready(self) -> bool:
        """Whether a request would be served at once."""
        return self.not_ready_reason is None

    @property
    def not_ready_reason(self) -> str | None:
        """Say why a request would not be served at once."""
        if not self.server_state.is_accepting:
            return "this server stops"
        if not self.warming.done():
            return "the kernels are being compiled"
        if self.warming.exception() is not None:
            return "this server cannot draw"
        if self.admission.is_saturated:
            return "requests have waited for room as long as they may"
        return None

    @property
    def load(self) -> Load:
        """How busy the admission is."""
        budget = self.admission.budget
        used = budget.used()
        totals = {name: total + budget.reserve[name] for name, total in budget.totals.items()}
        return Load(
            {
                name.removesuffix("_bytes"): (used[name], totals[name])
                for name in used.keys() - {SLOTS, PLANS}
            },
            (used.get(SLOTS, 0), totals.get(SLOTS, 0)),
            budget.waiting,
        )

    async def wait_until_ready(self) -> None:
        """Wait for the kernels; an early request is late, not refused.

        Raises:
            NotReady: the server stops.
            EngineFailed: there will be none.
        """
        if not self.server_state.is_accepting:
            raise NotReady(reason="this server stops", retry_after_s=1)
        try:
            await asyncio.shield(self.warming)
        except EngineFailed:
            raise
        except Exception as error:
            raise EngineFailed(reason="its kernels could not be compiled") from error

    async def beside(self, work: Callable[[], T]) -> T:
        """Do what may wait for a disk beside the event loop."""
        return await self.threads.run(work)


def admission_of(settings: Settings) -> Admission:
    """Return the admission to what this server may use: memory, and checks at once."""
    totals = {HOST: settings.max_admitted_bytes, SLOTS: settings.max_checks, PLANS: MAX_PLANS}
    return Admission(
        Budget(totals, small={WORK: SMALL_MULTIPLY_ADDS}),
        max_waiting=settings.max_waiting_requests,
        max_wait_s=settings.max_wait_s,
    )


async def warm_up(budget: Budget) -> None:
    """Compile the kernels beside the event loop, and see what memory the devices have.

    What start has made is then left out of garbage collections.
    """
    try:
        await anyio.to_thread.run_sync(warm)
        budget.add(await anyio.to_thread.run_sync(devices.free_bytes))
    except Exception:
        _log.critical("this server cannot draw", exc_info=True)
        raise
    gc.collect()
    gc.freeze()


async def keep_showing(context: Context) -> None:
    """Show each second how busy this process is, where another may be asked about it."""

    async def show() -> None:
        context.metrics.show(context.load, ready=context.ready)

    if is_shared():
        await keep(show, every_s=1)


async def get_context(request: Request) -> Context:
    """Return the running server's context."""
    context: Context = request.state.context
    return context


CurrentContext = Annotated[Context, Depends(get_context)]
