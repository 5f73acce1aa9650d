"""A full server says when to come again, keeps small requests going, and takes back whatever a
request held.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from anyio.from_thread import start_blocking_portal

from app.middleware.resources import HELD, ReleaseOnExit
from app.settings import Settings
from tests.api.asking import GRU, Call, describe, make
from tests.conftest import running

# Some seconds of checking; 16 MB that are checked at once; and one whose output is zero.
SLOW: Mapping[str, Any] = {
    "rnn_type": "lstm",
    "input_size": 1536,
    "hidden_size": 1536,
    "num_layers": 4,
    "init": "orthogonal",
}
LARGE: Mapping[str, Any] = {"rnn_type": "gru", "input_size": 800, "hidden_size": 800}
DEAD: Mapping[str, Any] = {**LARGE, "init": "zeros"}


@pytest.fixture(scope="module")
def narrow() -> Iterator[str]:
    """The address of a server that checks one large checkpoint at a time, and lets nobody wait."""
    settings = Settings(max_checks=1, max_wait_s=0, max_admitted_bytes=400 << 20)
    with running(settings) as url:
        yield url


@pytest.fixture
def narrow_client(narrow: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=narrow, timeout=60) as client:
        wait_for_room(client, LARGE)  # a check that the test before has left may end just now
        yield client


def ask_while_it_checks(url: str, spec: Mapping[str, Any]) -> httpx.Response:
    """Ask for a checkpoint while the check of another goes on, which is then left."""
    with Call.post(url, {**SLOW, "seed": time.perf_counter_ns()}):
        time.sleep(0.3)
        return httpx.post(f"{url}/v1/checkpoints", json=spec, timeout=60)


def wait_for_room(client: httpx.Client, spec: Mapping[str, Any]) -> httpx.Response:
    """Ask until there is room, for some seconds at most."""
    deadline = time.monotonic() + 10
    while True:
        answer = client.post("/v1/checkpoints", json=spec)
        if answer.status_code != 503 or time.monotonic() > deadline:
            return answer
        time.sleep(0.02)


class TestAFullServer:
    def test_says_when_to_come_again(self, narrow: str):
        answer = ask_while_it_checks(narrow, {**SLOW, "seed": 1})

        assert (answer.status_code, answer.json()["code"]) == (503, "busy")
        assert int(answer.headers["retry-after"]) == answer.json()["retry_after_s"] >= 1

    def test_makes_a_small_one_all_the_same(self, narrow: str):
        assert ask_while_it_checks(narrow, GRU).status_code == 200

    def test_has_room_as_soon_as_the_reader_has_left(
        self, narrow: str, narrow_client: httpx.Client
    ):
        assert ask_while_it_checks(narrow, {**SLOW, "seed": 2}).status_code == 503

        assert wait_for_room(narrow_client, {**LARGE, "seed": 2}).status_code == 200

    def test_still_plans_and_answers_what_costs_nothing(self, narrow: str):
        with Call.post(narrow, {**SLOW, "seed": 3}), httpx.Client(base_url=narrow) as client:
            time.sleep(0.3)
            link = describe(client, SLOW)["files"]["pt"]

            assert client.head(link["url"]).status_code == 200
            unchanged = client.get(link["url"], headers={"If-None-Match": link["etag"]})
            assert unchanged.status_code == 304


class TestNothingIsHeldAfter:
    """The one slot of the server is free again: the next large request is answered."""

    @pytest.mark.parametrize(
        "request_of",
        [
            lambda client, seed: client.post("/v1/checkpoints", json={**LARGE, "seed": seed}),
            lambda client, seed: client.post("/v1/checkpoints", json={**DEAD, "seed": seed}),
            lambda client, seed: client.get(describe(client, LARGE, seed=seed)["links"]["summary"]),
            lambda client, seed: client.get(
                describe(client, LARGE, seed=seed)["links"]["self"] + "?sha256=pt,safetensors"
            ),
            lambda client, seed: client.get(
                describe(client, LARGE, seed=seed)["files"]["pt"]["url"],
                headers={"Range": "bytes=100-200"},
            ),
        ],
        ids=["a file", "a refusal", "a summary", "two hashes", "a range"],
    )
    def test_an_answer(
        self, request_of: Callable[[httpx.Client, int], httpx.Response], narrow_client: httpx.Client
    ):
        for seed in range(3):
            answer = request_of(narrow_client, seed + 100)
            assert answer.status_code in {200, 206, 422}, answer.text

    def test_an_answer_that_nobody_reads_on(self, narrow: str, narrow_client: httpx.Client):
        with Call.post(narrow, {**LARGE, "seed": 9}, receive_buffer_bytes=4096) as call:
            call.read_head()  # the check is over, so its slot is free while this one stalls
            make(narrow_client, {**LARGE, "seed": 10})

        assert wait_for_room(narrow_client, {**LARGE, "seed": 11}).status_code == 200


def test_more_than_there_is_is_refused_with_both_numbers(narrow_client: httpx.Client):
    answer = narrow_client.post(
        "/v1/checkpoints", json={"rnn_type": "lstm", "input_size": 4096, "hidden_size": 4096}
    )

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert answer.json()["limit_bytes"] == 400 << 20 < answer.json()["planned_bytes"]


def test_who_may_wait_is_served_in_turn():
    with (
        running(Settings(max_checks=1)) as url,
        Call.post(url, {**SLOW, "num_layers": 2}),
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        time.sleep(0.3)
        make(client, LARGE)


@pytest.mark.parametrize("ending", ["returns", "raises", "is cancelled"])
def test_what_is_held_is_given_back_however_a_request_ends(ending: str):
    given_back: list[str] = []

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        held: ExitStack = scope[HELD]
        held.callback(given_back.append, ending)
        if ending == "raises":
            raise RuntimeError
        if ending == "is cancelled":
            await asyncio.sleep(60)

    async def one_request() -> None:
        task = asyncio.create_task(ReleaseOnExit(answer)({"type": "http"}, None, None))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() or task.exception() is not None or ending == "returns"

    with start_blocking_portal() as portal:  # the browser tests leave a loop in this thread
        portal.call(one_request)

    assert given_back == [ending]
