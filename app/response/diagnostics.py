"""Answers requests for diagnostics: admitted, measured on a thread, sent as JSON."""

from __future__ import annotations

from dataclasses import replace

from fastapi import Request, Response
from pydantic import TypeAdapter
from torch import Tensor

from app.context import Context
from app.response.delivery import Delivery
from app.response.summaries import unmeasured
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


def under(found: Diagnostics, prefix: str) -> Diagnostics:
    """Return diagnostics whose links begin with the path at which the service is served."""
    if not prefix:
        return found
    return replace(found, findings=[_linked(one, prefix) for one in found.findings])


def _linked(finding: Finding, prefix: str) -> Finding:
    each = [replace(one, url=f"{prefix}{one.url}") for one in finding.suggestions]
    return replace(finding, suggestions=each)
