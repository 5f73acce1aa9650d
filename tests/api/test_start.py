"""What a server says of itself while it cannot serve: it starts, or its kernels are of no use."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest
from anyio.from_thread import start_blocking_portal

from app.context import get_context
from app.main import create_app
from app.settings import Settings
from stepzero_rnn.engine.warmup import warm
from stepzero_rnn.errors import EngineFailed
from tests.api.asking import GRU


def test_a_machine_that_draws_other_numbers_is_found_out() -> None:
    with pytest.raises(EngineFailed, match="wrong values"):
        warm(expected="0" * 64)


def ask(fault: Exception | None, method: str, path: str, **given: Any) -> httpx.Response:
    """Ask a server whose start has not ended, or has failed with a fault."""

    async def run() -> httpx.Response:
        api = create_app(Settings())
        async with api.router.lifespan_context(api) as state:
            assert state
            warming: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            if fault:
                warming.set_exception(fault)
            context = replace(state["context"], warming=warming)
            api.dependency_overrides[get_context] = lambda: context
            transport = httpx.ASGITransport(api)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(method, path, **given)

    with start_blocking_portal() as portal:  # the browser tests leave a loop in this thread
        return portal.call(run)


def test_a_server_that_compiles_is_alive_but_not_ready() -> None:
    assert ask(None, "GET", "/healthz/live").status_code == 200

    answer = ask(None, "GET", "/healthz/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (RuntimeError("no LLVM at /secret"), "the kernels could not be compiled"),
        (EngineFailed(reason="it draws wrong values"), "it draws wrong values"),
    ],
)
class TestAServerThatCannotDraw:
    def test_is_not_ready_and_says_why(self, fault: Exception, reason: str) -> None:
        answer = ask(fault, "GET", "/healthz/ready")

        assert (answer.status_code, answer.json()["code"]) == (503, "engine_failed")
        assert reason in answer.json()["detail"]

    def test_refuses_every_checkpoint_and_gives_no_detail_away(
        self, fault: Exception, reason: str
    ) -> None:
        answer = ask(fault, "POST", "/v1/checkpoints", json=GRU)

        assert (answer.status_code, answer.json()["code"]) == (503, "engine_failed")
        assert answer.json()["reason"] == reason
        assert "secret" not in answer.text

    def test_still_plans(self, fault: Exception, reason: str) -> None:
        assert ask(fault, "POST", "/v1/plan", json=GRU).status_code == 200
