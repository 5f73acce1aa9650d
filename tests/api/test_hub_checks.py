"""Clients of the Hub wait ten seconds for an answer: a check that takes longer goes on without
them, and they are told when to come back.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from app.callers.api_keys import new_key
from tests.api.asking import Call, Served, gauge, permalink, server_process
from tests.api.hubs import file_path, hub_of
from tests.waiting import wait_for

# Some seconds of checking; a minute and more; and 16 MB that are checked at once.
SLOW: Mapping[str, Any] = {
    "rnn_type": "lstm",
    "input_size": 1024,
    "hidden_size": 1024,
    "num_layers": 4,
    "init": "orthogonal",
}
ENDLESS: Mapping[str, Any] = {**SLOW, "num_layers": 100}
LARGE: Mapping[str, Any] = {"rnn_type": "gru", "input_size": 800, "hidden_size": 800}
NOTHING = [
    {"parameter": parameter, "layer": "last", "init": "zeros"}
    for parameter in ("weight_ih", "weight_hh", "bias")
]
SOON_S = 30
NARROW: Mapping[str, Any] = {"max_wait_s": 0, "max_admitted_bytes": 400 << 20}


@pytest.fixture(scope="module")
def impatient() -> Iterator[Served]:
    """A server that tells clients to come back sooner than most."""
    with server_process(hub_patience_s=0.2) as served:
        yield served


@pytest.fixture
def client(impatient: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=impatient.url, timeout=60) as client:
        yield client


def weights_of(client: httpx.Client, spec: Mapping[str, Any]) -> str:
    """Return the address of the weights of a network that nobody has asked for."""
    return file_path(hub_of(client, spec)[0], "model.safetensors")


def get_patiently(client: httpx.Client, path: str) -> tuple[httpx.Response, int]:
    """Return the first answer that is no 429, and how many of those came before it."""
    deadline_s, refused = time.monotonic() + SOON_S, 0
    while (answer := client.get(path)).status_code == 429 and time.monotonic() < deadline_s:
        refused += 1
        time.sleep(float(answer.headers["Retry-After"]))
    return answer, refused


def checks(served: Served) -> float:
    return gauge(served, "stepzero_checks")


class TestASlowCheck:
    def test_goes_on_until_the_client_is_back(
        self, client: httpx.Client, impatient: Served
    ) -> None:
        path = weights_of(client, {**SLOW, "seed": 1})
        first = client.get(path)
        is_going_on = checks(impatient) == 1
        answer, _ = get_patiently(client, path)
        there = client.get(permalink(client, {**SLOW, "seed": 1}, "safetensors"))

        assert (first.status_code, first.json()["code"], is_going_on) == (429, "try_later", True)
        assert first.json()["retry_after_s"] == int(first.headers["Retry-After"]) >= 1
        assert first.headers["X-Error-Message"]
        assert (answer.status_code, answer.content) == (200, there.content)
        assert answer.headers["Stepzero-Crc32"] == there.headers["Stepzero-Crc32"]
        assert checks(impatient) == 0

    def test_is_one_for_all_who_ask(self, client: httpx.Client, impatient: Served) -> None:
        path = weights_of(client, {**SLOW, "seed": 2})
        with ThreadPoolExecutor(4) as threads:
            answers = [*threads.map(lambda _: client.get(path), range(4))]
            held = checks(impatient)
            get_patiently(client, path)

        assert ({one.status_code for one in answers}, held) == ({429}, 1)

    def test_ends_when_nobody_comes_back(self, client: httpx.Client, impatient: Served) -> None:
        answer = client.get(weights_of(client, {**ENDLESS, "seed": 3}))

        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3")
        assert checks(impatient) == 1
        assert wait_for(lambda: checks(impatient) == 0, within_s=SOON_S)

    def test_ends_when_a_client_leaves_that_was_not_told_to_come_back(
        self, other_server: Served
    ) -> None:
        with httpx.Client(base_url=other_server.url) as client:
            path = weights_of(client, {**ENDLESS, "seed": 4})
        with Call.get(other_server.url, path):
            assert wait_for(lambda: checks(other_server) == 1, within_s=SOON_S)

        assert wait_for(lambda: checks(other_server) == 0, within_s=SOON_S)

    def test_that_fails_says_so_to_whoever_comes_back(self, client: httpx.Client) -> None:
        parts = {"weight_ih": "orthogonal", "weight_hh": "orthogonal", "overrides": NOTHING}
        path = weights_of(client, {**SLOW, "seed": 5, "init": parts})
        answer, refused = get_patiently(client, path)

        assert (answer.status_code, answer.json()["code"]) == (422, "dead_output")
        assert refused > 0

    def test_is_not_waited_for_by_a_part(self, client: httpx.Client) -> None:
        path = weights_of(client, {**SLOW, "seed": 6, "init": "pytorch"})
        part = client.get(path, headers={"Range": "bytes=0-100000"})

        assert (part.status_code, len(part.content)) == (206, 100001)


def test_a_check_is_charged_to_who_asked_first_and_to_the_budget() -> None:
    (key, record), (other, other_record) = new_key("one"), new_key("other")
    keys = f"{record.line},{other_record.line}"
    narrow = {**NARROW, "max_checks": 2, "hub_patience_s": 0.2}
    with server_process(**narrow, api_keys=keys) as served:
        clients = [
            httpx.Client(
                base_url=served.url, headers={"Authorization": f"Bearer {one}"}, timeout=60
            )
            for one in (key, other)
        ]
        path = weights_of(clients[0], ENDLESS)
        told = clients[0].get(path)
        mine, theirs = (client.post("/v1/checkpoints", json=LARGE) for client in clients)
        here = clients[0].get(weights_of(clients[0], {**ENDLESS, "seed": 1}))
        for client in clients:
            client.close()

    assert (told.status_code, mine.status_code, theirs.status_code) == (429, 503, 200)
    assert (here.status_code, here.json()["code"]) == (429, "try_later")
    assert int(here.headers["Retry-After"]) >= 1


def test_a_busy_server_answers_429_which_the_clients_repeat() -> None:
    with (
        server_process(max_checks=1, **NARROW) as served,
        httpx.Client(base_url=served.url, timeout=60) as client,
    ):
        path = weights_of(client, {**LARGE, "seed": 1})
        with Call.post(served.url, ENDLESS):
            assert wait_for(lambda: checks(served) == 1, within_s=SOON_S)
            plain = client.post("/v1/checkpoints", json=LARGE)
            answer = client.get(path)
            head = client.head(path)
        assert wait_for(lambda: client.get(path).status_code == 200, within_s=SOON_S)

    assert (plain.status_code, answer.status_code, head.status_code) == (503, 429, 200)
    assert answer.headers["Retry-After"] == str(answer.json()["retry_after_s"])
