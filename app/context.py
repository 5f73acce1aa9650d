"""The objects of a running server: created once at start, passed to each request in its state."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, TypeVar

import anyio
from fastapi import Depends, Request

from app.admission.admission import Admission
from app.admission.budget import Budget
from app.detached_checks import DetachedChecks
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
REQUEST_THREADS = 64  # they wait rather than draw; drawing uses the factory's own pool


@dataclass(slots=True)
class ServerState:
    """Whether new requests are accepted; never again once the server is shutting down."""

    is_accepting: bool = True


@dataclass(slots=True)
class Context:
    """Settings, factory, stores, limits and state of a running server."""

    settings: Settings
    factory: Factory
    store: Store
    limits: Limits
    admission: Admission
    server_state: ServerState
    threads: RequestThreads
    warming: asyncio.Task[None]
    metrics: Metrics
    checks: DetachedChecks = field(init=False)

    def __post_init__(self) -> None:
        self.checks = DetachedChecks(self.admission, self.threads, self.factory)

    @property
    def ready(self) -> bool:
        """Whether the server accepts requests now."""
        return self.not_ready_reason is None

    @property
    def not_ready_reason(self) -> str | None:
        """The reason why the server does not accept requests now, or None."""
        if not self.server_state.is_accepting:
            return "the server is shutting down"
        if not self.warming.done():
            return "the kernels are being compiled"
        if self.warming.exception() is not None:
            return "the engine failed to start"
        if self.admission.is_saturated:
            return "the queue is saturated"
        return None

    @property
    def load(self) -> Load:
        """Current use of the budget."""
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
        """Wait until the kernels are compiled; early requests are delayed rather than rejected.

        Raises:
            NotReady: the server is shutting down.
            EngineFailed: the kernels failed to compile, or compute wrong values.
        """
        if not self.server_state.is_accepting:
            raise NotReady(reason="the server is shutting down", retry_after_s=1)
        try:
            await asyncio.shield(self.warming)
        except EngineFailed:
            raise
        except Exception as error:
            raise EngineFailed(reason="the kernels could not be compiled") from error

    async def beside(self, work: Callable[[], T]) -> T:
        """Run work that may block, for example on a disk, outside the event loop."""
        return await self.threads.run(work)


def admission_of(settings: Settings) -> Admission:
    """Return the admission to this server's memory and concurrent checks."""
    totals = {HOST: settings.max_admitted_bytes, SLOTS: settings.max_checks, PLANS: MAX_PLANS}
    return Admission(
        Budget(totals, small={WORK: SMALL_MULTIPLY_ADDS}),
        max_waiting=settings.max_waiting_requests,
        max_wait_s=settings.max_wait_s,
    )


async def warm_up(budget: Budget) -> None:
    """Compile the kernels on a thread, and add the devices' memory to the budget.

    The objects created so far are then exempted from garbage collection.
    """
    try:
        await anyio.to_thread.run_sync(warm)
        budget.add(await anyio.to_thread.run_sync(devices.free_bytes))
    except Exception:
        _log.critical("the engine failed to start", exc_info=True)
        raise
    gc.collect()
    gc.freeze()


async def keep_showing(context: Context) -> None:
    """Publish the load of this process every second, if several processes share their metrics."""

    async def show() -> None:
        context.metrics.show(context.load, ready=context.ready)

    if is_shared():
        await keep(show, every_s=1)


async def get_context(request: Request) -> Context:
    """Return the server's context."""
    context: Context = request.state.context
    return context


CurrentContext = Annotated[Context, Depends(get_context)]
