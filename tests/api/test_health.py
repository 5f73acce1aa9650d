"""Health: a live server may not be ready, and then says why."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import httpx
import numpy
import pytest
import torch
from anyio.from_thread import start_blocking_portal

import stepzero_rnn
from app.admission.admission import Admission
from app.admission.budget import Budget
from app.context import Context, ServerState, get_context
from app.main import create_app
from app.settings import Settings

Change = Callable[[Context], Context]


def ask(path: str, change: Change) -> httpx.Response:
    """Ask a server that was changed after its start."""

    async def run() -> httpx.Response:
        api = create_app(Settings())
        async with api.router.lifespan_context(api) as state:
            assert state
            await asyncio.wait([state["context"].warming])
            context = change(state["context"])
            api.dependency_overrides[get_context] = lambda: context
            transport = httpx.ASGITransport(api)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.get(path)

    with start_blocking_portal() as portal:  # the browser tests leave a loop in this thread
        return portal.call(run)


def starting(context: Context) -> Context:
    """Let the kernels be compiled for ever."""
    return replace(context, warming=asyncio.create_task(asyncio.sleep(3600)))


def stopping(context: Context) -> Context:
    """Let the server have been told to stop."""
    return replace(context, server_state=ServerState(is_accepting=False))


def wedged(context: Context) -> Context:
    """Let somebody hold everything, and somebody else have waited as long as anybody may."""
    budget = Budget({"host_bytes": 100})
    admission = Admission(budget, max_waiting=1, max_wait_s=0)
    for _ in range(2):
        budget.ask({"host_bytes": 100})
    return replace(context, admission=admission)


class TestReadiness:
    def test_is_there_once_the_kernels_are(self) -> None:
        answer = ask("/healthz/ready", lambda context: context)

        assert (answer.status_code, answer.json()) == (200, {"status": "ready"})

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            (starting, "the kernels are being compiled"),
            (stopping, "the server is shutting down"),
            (wedged, "the queue is saturated"),
        ],
    )
    def test_is_lost_with_the_reason(self, change: Change, reason: str) -> None:
        answer = ask("/healthz/ready", change)

        assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
        assert answer.json()["reason"] == reason
        assert int(answer.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("change", [starting, stopping, wedged])
def test_a_server_that_is_not_ready_is_alive(change: Change) -> None:
    answer = ask("/healthz/live", change)

    assert (answer.status_code, answer.json()) == (200, {"status": "live"})


def test_versions_are_all_that_a_byte_may_depend_on(client: httpx.Client) -> None:
    found = client.get("/v1").json()

    assert found["release"] == stepzero_rnn.__version__
    assert found["stream_versions"] == [1]
    assert (found["torch"], found["numpy"]) == (torch.__version__, numpy.__version__)
    assert found["devices"][0] == "cpu" or torch.cuda.is_available()


def test_readiness_is_counted(client: httpx.Client) -> None:
    assert "stepzero_ready_processes 1.0" in client.get("/metrics").text
