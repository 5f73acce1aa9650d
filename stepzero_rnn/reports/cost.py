"""What a report takes, before anything is drawn."""

from __future__ import annotations

from collections.abc import Sequence

from stepzero_rnn.diagnostics.cost import DiagnosticsCost, cost
from stepzero_rnn.diagnostics.options import DiagnosticsOptions
from stepzero_rnn.pipeline.costs import (
    HOST,
    WORK,
    Cost,
    cost_of_diagnostics,
    cost_of_hash,
    cost_of_summary,
)
from stepzero_rnn.pipeline.job import Job
from stepzero_rnn.pipeline.limits import Limits

FEWER = "Reduce `seq_len` or the number of starts, or use a lower `level`."
RENDERING_BYTES = 128 << 20  # matplotlib, and the largest report: measured, and rounded up


def cost_of_report(jobs: Sequence[Job], options: DiagnosticsOptions, device: str) -> Cost:
    """Return the memory of the most expensive step of any start, and the work of all."""
    total: dict[str, int] = {}
    for job in jobs:
        steps = (
            cost_of_summary(job, device),
            cost_of_diagnostics(job, options, device),
            cost_of_hash(job, device),
        )
        work = total.get(WORK, 0) + sum(step.get(WORK, 0) for step in steps)
        for step in steps:
            total |= {name: max(most, total.get(name, 0)) for name, most in step.items()}
        total[WORK] = work
    return total | {HOST: total[HOST] + RENDERING_BYTES}


def admit(jobs: Sequence[Job], options: DiagnosticsOptions, limits: Limits) -> None:
    """Refuse a report whose diagnostics exceed a limit.

    Raises:
        TooLarge, TooMuchWork: with the planned value and the limit.
    """
    each = [cost(job.plan, options) for job in jobs]
    total = DiagnosticsCost(
        max(one.working_bytes for one in each), sum(one.multiply_adds for one in each)
    )
    limits.admit_diagnostics(total, FEWER)
