"""Reads requests about several starts, and plans these in a slot on another thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeVar

from fastapi import Request

from app.context import Context
from app.disconnects import run_watched
from app.middleware.resources import acquired_meanwhile
from app.request.receiving import read_json_body
from stepzero_rnn.comparison.cost import cost_of_starts
from stepzero_rnn.comparison.requests import StartsRequest
from stepzero_rnn.comparison.starts import NamedStart
from stepzero_rnn.diagnostics.cost import DiagnosticsCost
from stepzero_rnn.engine.thread_pool import Stop
from stepzero_rnn.pipeline.costs import SLOTS, cost_of_plan
from stepzero_rnn.pipeline.job import Job, plan_job
from stepzero_rnn.spec.checkpoint import Serving
from stepzero_rnn.spec.network_spec import NetworkSpec
from stepzero_rnn.spec.parse import parse_json
from stepzero_rnn.thresholds import PLANNED_AT_ONCE_CELLS
from stepzero_rnn.uploads.intake import complete

Asked = TypeVar("Asked", bound=StartsRequest)


class PlannedStarts(NamedTuple):
    """The starts of a request, what measuring them takes, and the job of one of them."""

    starts: Sequence[NamedStart]
    cost: DiagnosticsCost
    job: Job


async def read_starts(request: Request, context: Context, model: type[Asked]) -> Asked:
    """Read the body of a request about several starts.

    Raises:
        UnsupportedMediaType, BodyTooLarge, SlowRequest, MalformedJson, InvalidSpec: it is not
            valid.
    """
    return parse_json(model, await read_json_body(request, context.settings))


async def planned_starts(
    request: Request,
    context: Context,
    asked: Asked,
    starts_of: Callable[[Asked], Sequence[NamedStart]],
) -> PlannedStarts:
    """Plan all starts; cancel it if the client disconnects.

    Raises:
        InvalidSpec: some do not fit the network.
        ArraysGone, StoreUnavailable: arrays of a start are not stored.
        RecipeTooLong, TooLarge, TooMuchWork: a start, or all of them together, exceed a limit.
        Busy, ClientDisconnect: as `app.request.planning.planned`.
    """
    stop = Stop()

    def work() -> PlannedStarts:
        starts = [_complete(start, context) for start in starts_of(asked)]
        cost = cost_of_starts(asked, starts, context.limits, stop.check)
        serving = Serving(device=asked.device)
        job = plan_job(starts[0].spec, "safetensors", serving, context.limits, go_on=stop.check)
        return PlannedStarts(starts, cost, job)

    async with acquired_meanwhile(request, context, _cost_of_planning(asked.network)):
        return await run_watched(request.receive, context.threads, stop, work)


def _cost_of_planning(network: NetworkSpec) -> dict[str, int]:
    is_deep = network.cells > PLANNED_AT_ONCE_CELLS
    return {**cost_of_plan(network)} if is_deep else {SLOTS: 1}


def _complete(start: NamedStart, context: Context) -> NamedStart:
    return replace(start, spec=complete(start.spec, context.store))
