"""Whatever takes memory, slots or threads is let in first, and leaves room for others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.context import admission_of
from app.settings import Settings
from stepzero_rnn.pipeline.costs import cost_of_plan
from stepzero_rnn.pipeline.job import etag_of, plan_job
from stepzero_rnn.pipeline.limits import Limits
from stepzero_rnn.spec.checkpoint import Serving, Spec
from stepzero_rnn.spec.parse import parse
from stepzero_rnn.spec.recipe import encode_recipe
from tests.api.asking import GRU, Call, permalink, server_process
from tests.conftest import running
from tests.service.counting import counted
from tests.waiting import wait_for

# A range of some seconds, a plan that is made beside the event loop, a summary of 7 MB, and more
# than the server serves.
EXPENSIVE: Mapping[str, Any] = {
    "rnn_type": "lstm",
    "input_size": 8,
    "hidden_size": 1536,
    "init": {"weight_hh": "spectral_radius", "weight_ih": "zeros"},
}
DEEP: Mapping[str, Any] = {**GRU, "num_layers": 40}
WORDY: Mapping[str, Any] = {
    "rnn_type": "lstm",
    "input_size": 1,
    "hidden_size": 1,
    "num_layers": 320,
    "accept_dead": True,
}
HUGE = {"rnn_type": "lstm", "input_size": 4096, "hidden_size": 4096}


@pytest.fixture(scope="module")
def narrow() -> Iterator[str]:
    """The address of a server with two slots and one for small requests, where nobody waits."""
    with running(Settings(max_checks=2, max_wait_s=0, max_checkpoint_bytes=100 << 20)) as url:
        yield url


@pytest.fixture
def client(narrow: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=narrow, timeout=60) as client:
        yield client


def metric(client: httpx.Client, name: str) -> float:
    return counted(client.get("/metrics").text)[f"stepzero_{name}"]


def ask_for_a_range(client: httpx.Client, url: str, seed: int) -> Call:
    path = permalink(client, {**EXPENSIVE, "seed": seed}, "safetensors")
    head = f"GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nRange: bytes=1000000-1000100"
    return Call(url, f"{head}\r\n\r\n".encode())


def test_a_range_of_a_matrix_takes_a_slot_and_leaves_one_to_others(
    narrow: str, client: httpx.Client
):
    with ask_for_a_range(client, narrow, 1):
        assert wait_for(lambda: metric(client, "checks") == 1, within_s=60)
        with ask_for_a_range(client, narrow, 2) as second:
            status, _, _ = second.read_head()

        assert status == 503
        assert metric(client, "checks") == 1
        assert client.post("/v1/plan", json=DEEP).status_code == 200
        assert client.post("/v1/checkpoints", json=GRU).status_code == 200
    assert wait_for(
        lambda: metric(client, "checks") == metric(client, "queue_length") == 0, within_s=60
    )


def test_a_304_is_answered_without_a_plan(client: httpx.Client):
    spec = parse(Spec, HUGE)
    address = f"/v1/checkpoints/{encode_recipe(spec)}/any.pt"
    tags = {"If-None-Match": etag_of(spec, "pt")}

    assert client.get(address).status_code == 413
    assert client.get(address, headers=tags).status_code == 304


def test_the_summary_of_a_deep_network_is_short_and_leaves_nothing_reserved(client: httpx.Client):
    plan = client.post("/v1/plan", json=WORDY).json()
    answer = client.get(plan["links"]["summary"])

    assert answer.status_code == 200
    assert len(answer.content) < 100_000
    assert wait_for(lambda: metric(client, 'reserved_bytes{memory="host"}') == 0, within_s=60)


def test_no_further_thread_is_a_503(tmp_path: Path):
    full = tmp_path / "full"
    before = f"""
import os, threading
start = threading._start_new_thread
def start_if_there_is_room(*arguments):
    if os.path.exists({str(full)!r}):
        raise RuntimeError("can't start new thread")
    return start(*arguments)
threading._start_new_thread = start_if_there_is_room
"""
    spec = {"rnn_type": "lstm", "input_size": 300, "hidden_size": 300}
    with server_process(before) as served, httpx.Client(base_url=served.url, timeout=60) as client:
        full.touch()
        answer = client.post("/v1/checkpoints", json=spec)
        assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
        assert client.post("/v1/checkpoints", json=GRU).status_code == 200

        full.unlink()
        assert client.post("/v1/checkpoints", json=spec).status_code == 200


@pytest.mark.parametrize(
    "init",
    [
        {"weight_hh": {"scheme": "lsuv", "probe": 65536}},
        {"scheme": "torch_seeded", "weight_hh": {"function": "trunc_normal_", "a": 3, "b": 9}},
    ],
    ids=["lsuv", "trunc_normal_"],
)
def test_a_tiny_network_that_is_dear_to_draw_is_not_made_on_the_event_loop(init: Any):
    spec = parse(Spec, {"rnn_type": "lstm", "input_size": 4, "hidden_size": 30, "init": init})

    assert not plan_job(spec, "pt", Serving(), Limits.none()).is_quick


def test_plans_of_deep_networks_leave_the_event_loop_to_others():
    deep = parse(Spec, {"rnn_type": "rnn", "input_size": 1, "hidden_size": 1, "num_layers": 900})
    budget = admission_of(Settings()).budget

    claims = [budget.ask(cost_of_plan(deep)) for _ in range(5)]

    assert sum(claim.is_held for claim in claims) == 2
