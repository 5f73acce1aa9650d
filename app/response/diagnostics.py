"""Answers requests for diagnostics: admitted, measured on a thread, sent as JSON."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from fastapi import Request, Response
from pydantic import TypeAdapter
from torch import Tensor

from app.context import Context
from app.disconnects import wait_watched
from app.response.delivery import Delivery
from app.response.summaries import unmeasured
from app.scope import caller_of, stats_of
from stepzero_rnn.diagnostics.cost import cost
from stepzero_rnn.diagnostics.options import DiagnosticsOptions
from stepzero_rnn.diagnostics.results import Diagnostics, Finding
from stepzero_rnn.engine.thread_pool import Stop
from stepzero_rnn.pipeline.costs import cost_of_diagnostics
from stepzero_rnn.pipeline.job import Job

_DIAGNOSTICS = TypeAdapter(Diagnostics)


async def send_diagnostics(
    request: Request,
    context: Context,
    job: Job,
    options: DiagnosticsOptions,
    given: Tensor | None = None,
) -> Response:
    """Answer with the diagnostics of a start.

    Raises:
        TooLarge, TooMuchWork: they would exceed a limit.
        Others: as `stepzero_rnn.pipeline.factory.Factory.diagnose`.
    """
    await context.wait_until_ready()
    delivery = Delivery(request, context, job)
    delivery.record()
    context.limits.admit_diagnostics(cost(job.plan, options))
    if request.method == "HEAD":
        return await unmeasured(context, job)
    await delivery.admitted(cost_of_diagnostics(job, options, delivery.device))
    prefix = request.scope.get("root_path", "")

    def measure(stop: Stop) -> bytes:
        found = context.factory.diagnose(job, options, stop, given)
        return _DIAGNOSTICS.dump_json(under(found, prefix))

    return Response(await delivery.run("check", measure), media_type="application/json")


@asynccontextmanager
async def in_a_place(
    request: Request, context: Context, options: DiagnosticsOptions
) -> AsyncIterator[None]:
    """Hold one of the places for quick figures, if that is what is asked for.

    It is the first thing to wait for, so that a refusal costs next to nothing.

    Raises:
        Busy: none is free soon.
        ClientDisconnect: the client did not wait.
    """
    if options.level != "quick" or request.method == "HEAD":
        yield
        return
    await context.wait_until_ready()
    caller = caller_of(request.scope)
    context.figures.require_soon(caller)
    with stats_of(request).stage("queue"):
        place = await wait_watched(request.receive, lambda: context.figures.take(caller))
    with context.figures.held(place):
        yield


def under(found: Diagnostics, prefix: str) -> Diagnostics:
    """Return diagnostics whose links begin with the path at which the service is served."""
    if not prefix:
        return found
    return replace(found, findings=[_linked(one, prefix) for one in found.findings])


def _linked(finding: Finding, prefix: str) -> Finding:
    each = [replace(one, url=f"{prefix}{one.url}") for one in finding.suggestions]
    return replace(finding, suggestions=each)
