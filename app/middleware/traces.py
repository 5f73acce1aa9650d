"""Traces: a caller's W3C `traceparent` is carried on; with the group `otel`, OpenTelemetry is told
of every request.

Without that extra, or without an `OTEL_EXPORTER_OTLP_ENDPOINT`, nothing is recorded.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from typing import Any, NamedTuple

from fastapi.telemetry import TelemetryConfig
from opentelemetry import trace
from starlette.types import Scope

from app.telemetry.request_stats import RequestStats

PROBES = ("/healthz", "/metrics")
_PARENT = re.compile(
    rb"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?"
)


class Trace(NamedTuple):
    """A trace that a request belongs to, and our step in it."""

    trace_id: str
    step_id: str
    flags: int

    @property
    def response(self) -> str:
        """Name our step to the caller, as the header `traceresponse` does."""
        return f"00-{self.trace_id}-{self.step_id}-{self.flags:02x}"


def is_probe(scope: Scope) -> bool:
    """Whether a request only asks how the service is."""
    path: str = scope.get("path", "")
    return path.startswith(PROBES)


def telemetry() -> TelemetryConfig:
    """Say what the framework tells OpenTelemetry: one span a request.

    Metrics and logs go other ways.
    """
    return {
        "auto_configure": True,
        "metrics": False,
        "logs": False,
        "operation_spans": False,
        "exclude": is_probe,
    }


def find_trace(headers: Iterable[tuple[bytes, bytes]]) -> Trace | None:
    """Return the trace of the span that OpenTelemetry has begun, or else the caller's."""
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        return Trace(f"{span.trace_id:032x}", f"{span.span_id:016x}", span.trace_flags)
    given = [value for name, value in headers if name == b"traceparent"]
    found = _PARENT.fullmatch(given[0]) if len(given) == 1 else None
    if found is None or (found[1] == b"00" and found[4]):
        return None
    return Trace(found[2].decode(), secrets.token_hex(8), int(found[3], 16) & 1)


def describe_span(stats: RequestStats) -> None:
    """Add what is known of a request to its span, before the framework ends that with the body."""
    span = trace.get_current_span()
    if not span.is_recording():
        return
    facts: dict[str, Any] = {
        "recipe": stats.recipe,
        "device": stats.device,
        "code": stats.code,
        "sent_bytes": stats.sent_bytes,
        **{f"{stage}_s": seconds for stage, seconds in stats.seconds.items()},
    }
    span.set_attributes({f"stepzero.{key}": x for key, x in facts.items() if x is not None})
