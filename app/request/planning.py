"""Plans for requests: at once where that takes less than going elsewhere, else beside the event
loop and in a slot.
"""

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
    """Do what plans a recipe, until it is done or the client has left.

    Raises:
        Busy, ClientDisconnect: there was no room for a deep network, or the client did not wait for
            it.
    """
    stop = Stop()
    if spec.cells <= PLANNED_AT_ONCE_CELLS:
        return work(stop)
    async with acquired_meanwhile(request, context, cost_of_plan(spec)):
        return await run_watched(request.receive, context.threads, stop, lambda: work(stop))


async def job_of(
    request: Request, context: Context, spec: Spec, name: FormatName, serving: Serving
) -> Job:
    """Plan a checkpoint as a file.  Raises as `planned` and `stepzero_rnn.pipeline.job.job`."""

    def work(stop: Stop) -> Job:
        return plan_job(spec, name, serving, context.limits, go_on=stop.check)

    return await planned(request, context, spec, work)
