"""The service's Prometheus metrics; independent of HTTP.

Processes that share a folder report their metrics together: each can answer for all
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

from app.telemetry.process_metrics import Processes
from app.telemetry.request_stats import OUTCOMES, STAGES, Outcome, RequestStats
from app.telemetry.worker_folder import beat, counted, is_shared
from stepzero_rnn.errors import BY_CODE
from stepzero_rnn.spec.canonical import STREAM_VERSION
from stepzero_rnn.version import __version__

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
NO_DEVICE = "none"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

disable_created_metrics()  # type: ignore[no-untyped-call]  # else every series gets a `_created` twin


class Load(NamedTuple):
    """Load of the admission: reserved and total bytes by memory, running and maximum checks, and
    the number of waiting requests.
    """

    memories: Mapping[str, tuple[int, int]] = MappingProxyType({})
    checks: tuple[int, int] = (0, 0)
    waiting: int = 0


class Metrics:
    """The metrics of one application.  Labels never contain a caller's input."""

    def __init__(self) -> None:
        self._registry = made = CollectorRegistry()
        self._requests = Counter(
            "stepzero_requests", "Requests by outcome.", ("route", "outcome"), registry=made
        )
        self._refusals = Counter(
            "stepzero_refusals", "Problem responses sent.", ("code",), registry=made
        )
        self._first_byte = Histogram(
            "stepzero_first_byte_seconds",
            "Time from a request to the first byte of its response.",
            ("route",),
            buckets=SECONDS,
            registry=made,
        )
        self._stages = Histogram(
            "stepzero_stage_seconds",
            f"Time that a request spent in a stage: {', '.join(STAGES)}.",
            ("stage", "device"),
            buckets=SECONDS,
            registry=made,
        )
        self._sent = Counter(
            "stepzero_sent_bytes", "Bytes of response bodies sent.", ("device",), registry=made
        )
        self._running = _gauge(made, "requests_in_flight", "Requests being answered.")
        self._owed = _gauge(made, "in_flight_bytes", "Bytes announced and not sent yet.")
        self._waiting = _gauge(made, "queue_length", "Requests waiting in the queue.")
        self._totals = _gauge(made, "budget_bytes", "Memory available to requests.", "memory")
        self._reserved = _gauge(made, "reserved_bytes", "Memory reserved by requests.", "memory")
        self._checks = _gauge(made, "checks", "Running checks.")
        self._max_checks = _gauge(made, "checks_at_most", "Maximum number of concurrent checks.")
        self._ready = _gauge(made, "ready_processes", "Processes ready to accept requests.")
        self._processes = _gauge(made, "processes", "Server processes.")
        self._begin_series()

    def _begin_series(self) -> None:
        """Start the series of alerts at 0, so that the first event is an increase, and publish the
        versions.
        """
        self._processes.set(1)
        self._seen: set[str] = set()
        for code in BY_CODE:
            self._refusals.labels(code)
        build = Gauge(
            "stepzero_build",
            "Versions of the server, as labels; always 1.",
            ("release", "stream_version", "torch"),
            multiprocess_mode="livemax",
            registry=self._registry,
        )
        build.labels(__version__, str(STREAM_VERSION), torch.__version__).set(1)
        self._of_process = Processes(self._registry) if is_shared() else None
        if not self._of_process:
            ProcessCollector(registry=self._registry)

    def begin(self) -> None:
        """Count a request that starts."""
        self._running.inc()

    def promise(self, stats: RequestStats) -> None:
        """Add the bytes that a response announces."""
        self._owed.inc(stats.owed_bytes)

    def send(self, stats: RequestStats, size_bytes: int) -> None:
        """Count bytes sent."""
        before = stats.owed_bytes
        stats.sent_bytes += size_bytes
        self._owed.dec(before - stats.owed_bytes)

    def end(self, route: str, stats: RequestStats, outcome: Outcome) -> None:
        """Count a request that has ended, with its statistics."""
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
        """Publish the current load of this process.

        Of several processes, only those that do so every second are counted.
        """
        if self._of_process:
            beat()
            self._of_process.show()
        self._ready.set(ready)
        self._waiting.set(load.waiting)
        self._checks.set(load.checks[0])
        self._max_checks.set(load.checks[1])
        for memory, (taken_bytes, all_bytes) in load.memories.items():
            self._reserved.labels(memory).set(taken_bytes)
            self._totals.labels(memory).set(all_bytes)

    def render(self) -> bytes:
        """Return the metrics of all processes in the text format."""
        if not is_shared():
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        registry.register(_Together())
        return generate_latest(registry)


class _Together(Collector):
    """The merged metrics of the processes that share a folder."""

    def collect(self) -> Iterable[Metric]:
        merged = MultiProcessCollector.merge(counted())  # type: ignore[no-untyped-call]
        return cast("Iterable[Metric]", merged)


def _gauge(registry: CollectorRegistry, name: str, what: str, *labels: str) -> Gauge:
    """Return a gauge that is summed over the live processes."""
    return Gauge(f"stepzero_{name}", what, labels, registry=registry, multiprocess_mode="livesum")
