"""prometheus-client's metrics of one process, summed over all server processes under the same
names.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector

GAUGES = {
    "process_resident_memory_bytes": "Resident memory of all processes.",
    "process_open_fds": "File descriptors of all processes.",
}
SECONDS = "process_cpu_seconds"


class Processes:
    """The metrics of one process; empty if the library has none, as on macOS."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._collector = ProcessCollector(registry=None)
        self._gauges = {
            name: Gauge(name, what, registry=registry, multiprocess_mode="livesum")
            for name, what in GAUGES.items()
        }
        self._seconds = Counter(SECONDS, "CPU time of all processes.", registry=registry)
        self._counted_s = 0.0

    def show(self) -> None:
        """Publish what this process uses now."""
        values = {family.name: family.samples[0].value for family in self._collector.collect()}
        for name, gauge in self._gauges.items():
            if name in values:
                gauge.set(values[name])
        used_s = values.get(SECONDS, 0.0)
        self._seconds.inc(max(used_s - self._counted_s, 0.0))
        self._counted_s = used_s
