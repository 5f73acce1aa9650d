"""Plans checkpoints for requests: small ones at once, others in a slot on another thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from fastapi import Request

from app.context import Context
from app.disconnects import run_watched
from app.middleware.resources import acquired_meanwhile
from stepzero_rnn.engine.thread_pool import Stop
from stepzero_rnn.pipeline.costs import cost_of_plan
from stepzero_rnn.pipeline.job import Job, plan_job
from stepzero_rnn.spec.checkpoint import FormatName, Serving, Spec
from stepzero_rnn.thresholds import PLANNED_AT_ONCE_CELLS

T = TypeVar("T")


async def planned(request: Request, context: Context, spec: Spec, work: Callable[[Stop], T]) -> T:
    """Run work that plans a recipe; cancel it if the client disconnects.

    Raises:
        Busy: no slot became available for a deep network.
        ClientDisconnect: the client disconnected.
    """
    stop = Stop()
    if spec.cells <= PLANNED_AT_ONCE_CELLS:
        return work(stop)
    async with acquired_meanwhile(request, context, cost_of_plan(spec)):
        return await run_watched(request.receive, context.threads, stop, lambda: work(stop))


async def job_of(
    request: Request, context: Context, spec: Spec, name: FormatName, serving: Serving
) -> Job:
    """Plan a checkpoint as a file; raises as `planned` and `stepzero_rnn.pipeline.job.plan_job`."""

    def work(stop: Stop) -> Job:
        job = plan_job(spec, name, serving, context.limits, go_on=stop.check)
        if spec.cells > PLANNED_AT_ONCE_CELLS:
            job.lay_out()
        return job

    return await planned(request, context, spec, work)
