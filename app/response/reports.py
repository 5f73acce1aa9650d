"""Answers requests for reports: admitted, measured and rendered on a thread, sent whole."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Request, Response

from app.context import Context
from app.response.delivery import Delivery
from app.response.summaries import unmeasured
from stepzero_rnn.diagnostics.options import DiagnosticsOptions
from stepzero_rnn.engine.thread_pool import Stop
from stepzero_rnn.extras import require_matplotlib
from stepzero_rnn.pipeline.job import Job
from stepzero_rnn.reports.cost import admit, cost_of_report
from stepzero_rnn.reports.measuring import measure
from stepzero_rnn.reports.requests import MEDIA_TYPES, ReportFormat, file_name
from stepzero_rnn.reports.stylesheet import page_policy

_PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'"  # an SVG is styled by attributes


async def send_report(
    request: Request,
    context: Context,
    jobs: Sequence[Job],
    options: DiagnosticsOptions,
    name: ReportFormat,
) -> Response:
    """Answer with a report of one start, or of several.

    Raises:
        MissingExtra: matplotlib is not installed.
        TooLarge, TooMuchWork: the measurements would exceed a limit.
        Others: as `stepzero_rnn.reports.measuring.measure`.
    """
    require_matplotlib()
    await context.wait_until_ready()
    delivery = Delivery(request, context, jobs[0])
    delivery.record()
    admit(jobs, options, context.limits)
    headers = _headers(jobs[0], name)
    if request.method == "HEAD":
        for job in jobs[1:]:
            await unmeasured(context, job)
        return await unmeasured(context, jobs[0], headers)
    await delivery.admitted(cost_of_report(jobs, options, delivery.device))

    def make(stop: Stop) -> bytes:
        from stepzero_rnn.reports.rendering import rendered  # needs matplotlib

        return rendered(measure(context.factory, jobs, options, stop), name, stop)

    return Response(await delivery.run("check", make), headers=headers)


def _headers(job: Job, name: ReportFormat) -> dict[str, str]:
    policy = page_policy() if name == "html" else _PICTURE_POLICY
    return {
        "Content-Type": MEDIA_TYPES[name],
        "Content-Disposition": f'inline; filename="{file_name(job.spec, name)}"',
        "Content-Security-Policy": f"{policy}; frame-ancestors 'none'",
    }
