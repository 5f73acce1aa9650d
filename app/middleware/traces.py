"""Traces: a caller's W3C `traceparent` is continued; with the group `otel` installed, every request
is reported to OpenTelemetry.

Without that group, or without an `OTEL_EXPORTER_OTLP_ENDPOINT`, nothing is recorded.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any, NamedTuple

from fastapi.telemetry import TelemetryConfig
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import Scope

from app.telemetry.request_stats import RequestStats

PROBES = ("/healthz", "/metrics")
_PROPAGATOR = TraceContextTextMapPropagator()


class Trace(NamedTuple):
    """The trace that a request belongs to, and the server's span in it."""

    trace_id: str
    step_id: str
    flags: int

    @property
    def response(self) -> str:
        """The value of the `traceresponse` header."""
        return f"00-{self.trace_id}-{self.step_id}-{self.flags:02x}"


def is_probe(scope: Scope) -> bool:
    """Return True for health checks and metrics."""
    path: str = scope.get("path", "")
    return path.startswith(PROBES)


def telemetry() -> TelemetryConfig:
    """Return the framework's OpenTelemetry configuration: one span per request, no metrics or
    logs.
    """
    return {
        "auto_configure": True,
        "metrics": False,
        "logs": False,
        "operation_spans": False,
        "exclude": is_probe,
    }


def find_trace(headers: Iterable[tuple[bytes, bytes]]) -> Trace | None:
    """Return the trace of the current OpenTelemetry span, or else the caller's.

    A `traceparent` that is malformed or repeated is ignored, as the W3C recommendation demands.
    """
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        return Trace(f"{span.trace_id:032x}", f"{span.span_id:016x}", span.trace_flags)
    values = [value.decode("latin-1") for name, value in headers if name == b"traceparent"]
    if len(values) != 1:
        return None
    context = _PROPAGATOR.extract({"traceparent": values})
    parent = trace.get_current_span(context).get_span_context()
    if not parent.is_valid:
        return None
    flags = parent.trace_flags & trace.TraceFlags.SAMPLED
    return Trace(f"{parent.trace_id:032x}", secrets.token_hex(8), flags)


def describe_span(stats: RequestStats) -> None:
    """Add a request's statistics to its span, before the framework ends the span with the body."""
    span = trace.get_current_span()
    if not span.is_recording():
        return
    attributes: dict[str, Any] = {
        "recipe": stats.recipe,
        "device": stats.device,
        "code": stats.code,
        "sent_bytes": stats.sent_bytes,
        **{f"{stage}_s": seconds for stage, seconds in stats.seconds.items()},
    }
    span.set_attributes({f"stepzero.{key}": x for key, x in attributes.items() if x is not None})
