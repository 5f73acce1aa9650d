"""The bytes are the application's own: under another ASGI server, written in another language, they
are the same.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.api.asking import FORMAT_NAMES, GRU, LSTM, make, permalink
from tests.bench.measure import server

LARGE = {**LSTM, "input_size": 1024, "hidden_size": 1024}
GRANIAN = ("-m", "granian", "--interface", "asgi", "--no-log", "--port", "{port}")


@pytest.fixture(scope="module")
def granian() -> Iterator[httpx.Client]:
    """The application under Granian."""
    with (
        server(*GRANIAN, "tests.api.granian_app:api", ready="/healthz/ready") as (_, url),
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        yield client


@pytest.mark.parametrize("spec", [GRU, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_gives_the_same_file(
    name: str, spec: dict[str, object], client: httpx.Client, granian: httpx.Client
):
    ours, theirs = (make(each, spec, format=name) for each in (client, granian))

    assert theirs.content == ours.content
    for header in ("content-length", "etag", "content-type", "stepzero-recipe"):
        assert theirs.headers[header] == ours.headers[header]


def test_gives_the_same_part_each_time(client: httpx.Client, granian: httpx.Client):
    address, part = permalink(client, LARGE), {"Range": "bytes=1000000-9999999"}
    ours = client.get(address, headers=part)

    for _ in range(20):  # one in ten broke off where a wait for the client's leaving had been ended
        theirs = granian.get(address, headers=part)
        assert (theirs.status_code, theirs.content) == (206, ours.content)


def test_refuses_the_same(client: httpx.Client, granian: httpx.Client):
    ours, theirs = (each.post("/v1/checkpoints", json={}).json() for each in (client, granian))

    assert theirs | {"request_id": ""} == ours | {"request_id": ""}
