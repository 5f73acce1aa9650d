"""What can be counted of a service, in Prometheus' words; knows no HTTP.

Several processes that share a folder count together: any of them answers for all
(`app.telemetry.worker_folder`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple, cast

import torch
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

import stepzero_rnn
from app.telemetry.process_metrics import Processes
from app.telemetry.request_stats import OUTCOMES, STAGES, Outcome, RequestStats
from app.telemetry.worker_folder import beat, counted, is_shared
from stepzero_rnn.errors import BY_CODE
from stepzero_rnn.spec.canonical import STREAM_VERSION

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
NO_DEVICE = "none"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

disable_created_metrics()  # type: ignore[no-untyped-call]  # else a time stands beside every series


class Load(NamedTuple):
    """How busy the admission of requests is: bytes taken and in all, by memory; checks likewise;
    who waits.
    """

    memories: Mapping[str, tuple[int, int]] = MappingProxyType({})
    checks: tuple[int, int] = (0, 0)
    waiting: int = 0


class Metrics:
    """The counters of one application.  Labels are the service's own words, never a caller's."""

    def __init__(self) -> None:
        self._registry = made = CollectorRegistry()
        self._requests = Counter(
            "stepzero_requests", "By how they ended.", ("route", "outcome"), registry=made
        )
        self._refusals = Counter("stepzero_refusals", "Problems sent.", ("code",), registry=made)
        self._first_byte = Histogram(
            "stepzero_first_byte_seconds",
            "From a request to the first byte of its answer.",
            ("route",),
            buckets=SECONDS,
            registry=made,
        )
        self._stages = Histogram(
            "stepzero_stage_seconds",
            f"What a request spent in a stage: {', '.join(STAGES)}.",
            ("stage", "device"),
            buckets=SECONDS,
            registry=made,
        )
        self._sent = Counter("stepzero_sent_bytes", "Bodies sent.", ("device",), registry=made)
        self._running = _gauge(made, "requests_in_flight", "Requests being answered.")
        self._owed = _gauge(made, "in_flight_bytes", "Promised and not sent yet.")
        self._waiting = _gauge(made, "queue_length", "Requests waiting for room.")
        self._totals = _gauge(made, "budget_bytes", "Memory to share.", "memory")
        self._reserved = _gauge(made, "reserved_bytes", "Memory given out.", "memory")
        self._checks = _gauge(made, "checks", "Checks that run.")
        self._max_checks = _gauge(made, "checks_at_most", "Checks that may run at once.")
        self._ready = _gauge(made, "ready_processes", "Processes that would serve at once.")
        self._processes = _gauge(made, "processes", "Processes that serve.")
        self._begin_series()

    def _begin_series(self) -> None:
        """Begin what alerts look at with a 0, so that its first event is a rise; name what
        serves.
        """
        self._processes.set(1)
        self._seen: set[str] = set()
        for code in BY_CODE:
            self._refusals.labels(code)
        build = Gauge(
            "stepzero_build",
            "What serves; always 1.",
            ("release", "stream_version", "torch"),
            multiprocess_mode="livemax",
            registry=self._registry,
        )
        build.labels(stepzero_rnn.__version__, str(STREAM_VERSION), torch.__version__).set(1)
        self._own = Processes(self._registry) if is_shared() else None
        if not self._own:
            ProcessCollector(registry=self._registry)

    def begin(self) -> None:
        """Count a request in."""
        self._running.inc()

    def promise(self, stats: RequestStats) -> None:
        """Count the bytes that an answer announces."""
        self._owed.inc(stats.owed_bytes)

    def send(self, stats: RequestStats, size_bytes: int) -> None:
        """Count bytes that leave."""
        before = stats.owed_bytes
        stats.sent_bytes += size_bytes
        self._owed.dec(before - stats.owed_bytes)

    def end(self, route: str, stats: RequestStats, outcome: Outcome) -> None:
        """Count a request out, with all that it took."""
        self._running.dec()
        self._owed.dec(stats.owed_bytes)
        self._count_outcome(route, outcome)
        device = stats.device or NO_DEVICE
        if stats.code:
            self._refusals.labels(stats.code).inc()
        if stats.first_byte_s is not None:
            self._first_byte.labels(route).observe(stats.first_byte_s)
        if stats.sent_bytes:
            self._sent.labels(device).inc(stats.sent_bytes)
        if stats.device:
            for stage, seconds in stats.seconds.items():
                self._stages.labels(stage, device).observe(seconds)

    def _count_outcome(self, route: str, outcome: Outcome) -> None:
        if route not in self._seen:
            self._seen.add(route)
            for each in OUTCOMES:
                self._requests.labels(route, each)
        self._requests.labels(route, outcome).inc()

    def show(self, load: Load, *, ready: bool) -> None:
        """Take over how busy this process is at the moment; several count only who does so each
        second.
        """
        if self._own:
            beat()
            self._own.show()
        self._ready.set(ready)
        self._waiting.set(load.waiting)
        self._checks.set(load.checks[0])
        self._max_checks.set(load.checks[1])
        for memory, (taken_bytes, all_bytes) in load.memories.items():
            self._reserved.labels(memory).set(taken_bytes)
            self._totals.labels(memory).set(all_bytes)

    def render(self) -> bytes:
        """Return all of it as text, of all processes that count together."""
        if not is_shared():
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        registry.register(_Together())
        return generate_latest(registry)


class _Together(Collector):
    """What the processes that share a folder have counted."""

    def collect(self) -> Iterable[Metric]:
        """Add it up."""
        merged = MultiProcessCollector.merge(counted())  # type: ignore[no-untyped-call]
        return cast("Iterable[Metric]", merged)


def _gauge(registry: CollectorRegistry, name: str, what: str, *labels: str) -> Gauge:
    """Make a gauge that adds up over the processes that live."""
    return Gauge(f"stepzero_{name}", what, labels, registry=registry, multiprocess_mode="livesum")
