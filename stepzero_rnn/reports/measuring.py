"""Measures the starts of a report one after another; nothing here is measured only for reports."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from stepzero_rnn.diagnostics.options import DiagnosticsOptions
from stepzero_rnn.engine.thread_pool import Stop
from stepzero_rnn.pipeline.factory import Factory
from stepzero_rnn.pipeline.job import Job
from stepzero_rnn.reports.records import Measured, shortened


def measure(
    factory: Factory, jobs: Sequence[Job], options: DiagnosticsOptions, stop: Stop
) -> list[Measured]:
    """Check, diagnose and hash every start.

    Raises:
        DeviceUnavailable, NonfiniteOutput, DeadOutput, ArraysGone, Stopped: as `Factory.check`.
    """
    return [_measured(factory, job, options, stop) for job in jobs]


def _measured(factory: Factory, job: Job, options: DiagnosticsOptions, stop: Stop) -> Measured:
    summary = shortened(factory.summary(job, stop), job.spec)
    diagnostics = factory.diagnose(job, options, stop)
    return Measured(job.plan, summary, diagnostics, factory.sha256(job, stop), torch.__version__)
