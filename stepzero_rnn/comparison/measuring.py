"""Measures starts one after another, each with all seeds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from stepzero_rnn.comparison.requests import (
    ComparisonRequest,
    RecommendationRequest,
    StartsRequest,
)
from stepzero_rnn.comparison.results import (
    Comparison,
    OmittedStart,
    RankedStart,
    Recommendation,
    Row,
)
from stepzero_rnn.comparison.samples import Samples, as_ranked, rows_of
from stepzero_rnn.comparison.starts import NamedStart
from stepzero_rnn.diagnostics import validity
from stepzero_rnn.diagnostics.evidence import recommendation_evidence
from stepzero_rnn.diagnostics.ranking import Ranked, is_tied, ranked, recommended
from stepzero_rnn.engine.thread_pool import Stop
from stepzero_rnn.errors import NonfiniteOutput, RecipeTooLong
from stepzero_rnn.pipeline.factory import Factory
from stepzero_rnn.pipeline.job import Job, plan_job
from stepzero_rnn.pipeline.limits import Limits
from stepzero_rnn.plan import Plan, plan
from stepzero_rnn.spec.checkpoint import Serving

Progress = Callable[[int, int, str], None]  # starts done, starts in all, label of the next


def no_progress(_done: int, _total: int, _label: str) -> None:
    """Show no progress."""


def compare(
    factory: Factory,
    request: ComparisonRequest,
    starts: Sequence[NamedStart],
    stop: Stop,
    progress: Progress = no_progress,
) -> Comparison:
    """Measure starts, and return them side by side.

    Args:
        progress: called before each start.

    Raises:
        DeviceUnavailable, ArraysGone, Stopped: as `Factory.diagnose`.
    """
    run = _Run(factory, request, stop)
    samples = run.measure(starts, progress)
    return Comparison(rows=rows_of(samples), **run.facts(starts))


def recommend(
    factory: Factory,
    request: RecommendationRequest,
    starts: Sequence[NamedStart],
    stop: Stop,
    progress: Progress = no_progress,
) -> Recommendation:
    """Measure candidates for as long as there is time, and rank them.

    Arguments and errors are those of `compare`.
    """
    run = _Run(factory, request, stop)
    samples = run.measure(starts, progress, request.max_seconds or inf)
    return Recommendation(
        evidence=recommendation_evidence(),
        candidates=_candidates(samples),
        **run.facts(starts),
    )


def _candidates(samples: Sequence[Samples]) -> list[RankedStart]:
    """Return the candidates in order, with their ranks, ties and the three to try."""
    rows = {row.label: row for row in rows_of(samples)}
    order = ranked([as_ranked(one, rows[one.start.label]) for one in samples])
    first = recommended(order)
    return [
        _candidate(rows[one.label], place, order, is_recommended=one in first)
        for place, one in enumerate(order, 1)
    ]


def _candidate(
    row: Row, place: int, order: Sequence[Ranked], *, is_recommended: bool
) -> RankedStart:
    own = order[place - 1]
    return RankedStart(
        label=row.label,
        init=row.init,
        recipe=row.recipe,
        url=row.url,
        figures=row.figures,
        findings=row.findings,
        rank=None if own.is_excluded else place,
        tied_with=[
            one.label
            for one in order
            if one is not own and not own.is_excluded and is_tied(one, own)
        ],
        is_recommended=is_recommended,
    )


@dataclass
class _Run:
    """The measurements of one request, and what was left out."""

    factory: Factory
    request: StartsRequest
    stop: Stop

    def __post_init__(self) -> None:
        self._began = time.monotonic()
        self._omitted: list[OmittedStart] = []

    def measure(
        self, starts: Sequence[NamedStart], progress: Progress, max_seconds: float = inf
    ) -> list[Samples]:
        """Measure the first start, and others until the time is over; weights must be finite."""
        samples: list[Samples] = []
        for number, start in enumerate(starts):
            if number and time.monotonic() - self._began > max_seconds:
                reason = f"Not measured within max_seconds ({max_seconds:g})."
                self._omitted.append(OmittedStart(start.label, reason))
                continue
            progress(number, len(starts), start.label)
            try:
                samples.append(self._samples(start))
            except (NonfiniteOutput, RecipeTooLong) as error:
                self._omitted.append(OmittedStart(start.label, error.detail))
        return samples

    def facts(self, starts: Sequence[NamedStart]) -> dict[str, Any]:
        """Return what every result says of its measurement."""
        request, spec = self.request, starts[0].spec
        return {
            "seq_len": request.seq_len,
            "dependency_length": request.needed_length,
            "level": request.level,
            "seeds": [*request.seeds],
            "is_validated": validity.is_validated(spec),
            "validity": validity.sentence(spec, is_uploaded=False),
            "omitted": self._omitted,
            "device": self.factory.device(self._job(plan(spec, self.stop.check))),
            "seconds": time.monotonic() - self._began,
        }

    def _samples(self, start: NamedStart) -> Samples:
        samples = Samples(start, self.request.needed_length)
        planned = plan(start.spec, self.stop.check)
        for seed in self.request.seeds:
            self.stop.check()
            job = self._job(Plan(start.with_seed(seed), planned.tensors))
            samples.add(self.factory.diagnose(job, self.request.options, self.stop))
        return samples

    def _job(self, planned: Plan) -> Job:
        serving, limits = Serving(device=self.request.device), Limits.none()
        spec, go_on = planned.spec, self.stop.check
        return plan_job(spec, "safetensors", serving, limits, planned=planned, go_on=go_on)
