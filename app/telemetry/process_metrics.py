"""What prometheus-client tells of one process, added up over several that count together, under the
same names.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector

GAUGES = {
    "process_resident_memory_bytes": "Resident memory of all processes.",
    "process_open_fds": "File descriptors of all processes.",
}
SECONDS = "process_cpu_seconds"


class Processes:
    """The part of one process; it tells nothing where the library finds nothing, as on macOS."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._own = ProcessCollector(registry=None)
        self._gauges = {
            name: Gauge(name, what, registry=registry, multiprocess_mode="livesum")
            for name, what in GAUGES.items()
        }
        self._seconds = Counter(SECONDS, "Processor time of all processes.", registry=registry)
        self._counted_s = 0.0

    def show(self) -> None:
        """Take over what this process uses at the moment."""
        found = {family.name: family.samples[0].value for family in self._own.collect()}
        for name, gauge in self._gauges.items():
            if name in found:
                gauge.set(found[name])
        used_s = found.get(SECONDS, 0.0)
        self._seconds.inc(max(used_s - self._counted_s, 0.0))
        self._counted_s = used_s
