"""OpenTelemetry, where it is installed and told where to: one span a request, in the caller's
trace.
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from opentelemetry import trace

from tests.api.asking import GRU

PARENT = "00f067aa0ba902b7"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
WAIT_S = 20


@contextmanager
def collector() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """Take what is exported, as a collector does; give its address and what came, by path."""
    came: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            came.append((self.path, body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Be silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", came
        server.shutdown()


@contextmanager
def exporting(endpoint: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run a server that exports to a collector."""
    with subprocess.Popen(
        [sys.executable, "-m", "app", "--port", "0"],
        env={"PATH": "", "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "STEPZERO_LOG_FORMAT": "json"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        found = re.search(r"http://[0-9.]+:\d+", process.stdout.readline())
        assert found is not None
        try:
            while httpx.get(f"{found[0]}/healthz/ready", timeout=60).status_code != 200:
                time.sleep(0.05)
            yield found[0], process
        finally:
            process.kill()


def test_a_request_is_one_span_of_its_callers_trace() -> None:
    pytest.importorskip("opentelemetry.sdk", reason="the extra otel is not installed")
    pytest.importorskip("opentelemetry.exporter", reason="the extra otel is not installed")
    with collector() as (endpoint, came), exporting(endpoint) as (url, process):
        answer = httpx.post(
            f"{url}/v1/checkpoints",
            json=GRU,
            headers={"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-ID": "traced"},
        )
        process.terminate()
        _, log = process.communicate(timeout=WAIT_S)
    (path, body), *more = came
    step = answer.headers["traceresponse"].split("-")[2]

    assert (path, more) == ("/v1/traces", [])
    assert body.count(bytes.fromhex(TRACE)) == 1  # neither probes nor stages are spans
    assert bytes.fromhex(PARENT) in body
    assert bytes.fromhex(step) in body
    for word in (b"stepzero.recipe", b"stepzero.device", b"stepzero.check_s", b"http.route"):
        assert word in body
    assert f'"trace_id": "{TRACE}"' in log


def test_nothing_is_recorded_unless_somebody_said_where_to(client: httpx.Client) -> None:
    client.get("/v1").raise_for_status()

    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
