"""More requests for quick figures than a server measures: some are served, the rest are told when
to come again, and files are made all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from app.callers.api_keys import new_key, read_keys
from app.settings import Settings
from tests.api.asking import GRU, describe, make
from tests.conftest import running

CALLERS = 12
MADE = [new_key(f"caller-{number}") for number in range(CALLERS)]
KEYS = read_keys([kept.line for _, kept in MADE])
LONG = {"figures": "echo,gradient", "seq_len": "400"}  # some tenths of a second


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The address of a server that measures one quick figure at a time."""
    with running(Settings(threads=2, api_keys=KEYS)) as url:
        yield url


@pytest.fixture
def callers(url: str) -> Iterator[list[httpx.Client]]:
    """Clients with a key each."""
    clients = [
        httpx.Client(base_url=url, headers={"X-API-Key": text}, timeout=60) for text, _ in MADE
    ]
    yield clients
    for client in clients:
        client.close()


def diagnose(client: httpx.Client, seed: int, level: str) -> httpx.Response:
    link = describe(client, GRU, seed=seed)["links"]["self"]
    return client.get(f"{link}/diagnostics", params={"level": level, **LONG})


def test_that_are_not_served_soon_are_told_when_to_come_again(callers: list[httpx.Client]):
    with ThreadPoolExecutor(CALLERS) as pool:
        answers = [
            pool.submit(diagnose, client, seed, "quick") for seed in range(4) for client in callers
        ]
        make(callers[0], {"rnn_type": "lstm", "input_size": 300, "hidden_size": 300})
        results = [answer.result() for answer in answers]

    statuses = [result.status_code for result in results]
    assert set(statuses) == {200, 503}
    for result in results:
        if result.status_code == 503:
            assert result.json()["code"] == "busy"
            assert int(result.headers["Retry-After"]) >= 1
    assert diagnose(callers[1], 99, "quick").status_code == 200


def test_of_one_caller_wait_for_each_other(callers: list[httpx.Client]):
    with ThreadPoolExecutor(6) as pool:
        seeds = range(200, 206)
        answers = pool.map(lambda seed: diagnose(callers[0], seed, "quick"), seeds)

    assert [answer.status_code for answer in answers] == [200] * 6


def test_of_a_level_that_takes_longer_wait_as_everything_does(callers: list[httpx.Client]):
    with ThreadPoolExecutor(6) as pool:
        answers = pool.map(
            lambda client: diagnose(client, 300 + callers.index(client), "standard"), callers[:6]
        )

    assert [answer.status_code for answer in answers] == [200] * 6
