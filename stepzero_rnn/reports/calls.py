"""The library's call that makes a report; it imports torch and matplotlib."""

from __future__ import annotations

from typing import Unpack

from stepzero_rnn.extras import require_matplotlib
from stepzero_rnn.pipeline.job import plan_job
from stepzero_rnn.pipeline.limits import Limits
from stepzero_rnn.reports.requests import (
    ReportArguments,
    ReportFormat,
    ReportOptions,
    require_format,
    require_one_network,
)
from stepzero_rnn.spec.checkpoint import Serving
from stepzero_rnn.spec.parse import parse
from stepzero_rnn.spec.recipe import AnySpec, as_spec


def report(
    spec: AnySpec,
    *others: AnySpec,
    format: ReportFormat = "html",
    device: str = "auto",
    **options: Unpack[ReportArguments],
) -> bytes:
    """Return a report of a start as a file: its figures, findings, plots and tensors.

    With several starts of one network, the report compares them.  The same specs, options, release
    and machine give the same bytes.

    Args:
        others: up to 31 starts, which differ from `spec` in `init` and `seed` only.
        format: `html` (one file that loads nothing), `svg`, `png` or `pdf`.
        device: where to draw and run: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        seq_len: time steps, 100 by default.
        dependency_length: how many steps back the task's dependencies reach; by default `seq_len`.
        level: `quick`, `standard` or `full`.

    Raises:
        InvalidSpec: a spec or an option is not valid, or the networks differ.
        UnknownFormat: reports have no such format.
        MissingExtra: torch or matplotlib is not installed.
        NonfiniteOutput, DeadOutput: a network fails the check, and its spec does not accept that.
    """
    name, asked = require_format(format), parse(ReportOptions, options)
    specs = [as_spec(one) for one in (spec, *others)]
    require_one_network(specs)
    serving = parse(Serving, {"device": device})
    require_matplotlib()
    from stepzero_rnn import drawing
    from stepzero_rnn.reports.measuring import measure
    from stepzero_rnn.reports.rendering import rendered

    jobs = [plan_job(one, "safetensors", serving, Limits.none()) for one in specs]
    with drawing.run(specs) as (factory, stop):
        return rendered(measure(factory, jobs, asked.options, stop), name, stop)
