"""What /metrics says of requests that were really made."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from app.settings import Settings
from stepzero_rnn.errors import BY_CODE
from tests.api.asking import GRU, LSTM, Call, make, server_process
from tests.conftest import running
from tests.service.counting import counted

MADE = "POST /v1/checkpoints"
FETCHED = "GET /v1/checkpoints/{recipe}/{name}.{extension}"
LARGE = {**LSTM, "hidden_size": 1500, "num_layers": 4}
WAIT_S = 20
ONE_PROCESS_BYTES = 100 << 20  # at least, with torch


@pytest.fixture(scope="module")
def mine() -> Iterator[httpx.Client]:
    """A server that nobody else asks."""
    with running(Settings()) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield client


def shown(client: httpx.Client) -> dict[str, float]:
    """Return what is counted."""
    answer = client.get("/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return counted(answer.text)


def rise(before: dict[str, float], after: dict[str, float], name: str) -> float:
    """Return what was added to a counter."""
    return after.get(name, 0) - before.get(name, 0)


def requests(route: str, outcome: str) -> str:
    """Name the counter of requests of a route that ended in a way."""
    return f'stepzero_requests_total{{outcome="{outcome}",route="{route}"}}'


def test_a_file_is_counted_with_its_bytes_stages_and_device(mine: httpx.Client) -> None:
    before = shown(mine)
    answer = make(mine, GRU)
    after = shown(mine)

    assert rise(before, after, requests(MADE, "served")) == 1
    assert rise(before, after, f'stepzero_first_byte_seconds_count{{route="{MADE}"}}') == 1
    assert rise(before, after, 'stepzero_sent_bytes_total{device="cpu"}') == len(answer.content)
    for stage in ("check", "draw", "stream"):
        name = f'stepzero_stage_seconds_count{{device="cpu",stage="{stage}"}}'
        assert rise(before, after, name) == 1, stage


def test_a_part_a_head_and_a_file_not_modified_are_served(mine: httpx.Client) -> None:
    made = make(mine, GRU)
    link, tag = made.headers["Content-Location"], made.headers["ETag"]
    before = shown(mine)
    assert mine.get(link, headers={"Range": "bytes=0-9"}).status_code == 206
    assert mine.get(link, headers={"If-None-Match": tag}).status_code == 304
    assert mine.head(link).status_code == 200
    after = shown(mine)

    assert rise(before, after, requests(FETCHED, "served")) == 2
    assert rise(before, after, requests(FETCHED.replace("GET", "HEAD"), "served")) == 1
    assert rise(before, after, 'stepzero_sent_bytes_total{device="cpu"}') == 10


def test_a_refusal_is_counted_by_its_code(mine: httpx.Client) -> None:
    before = shown(mine)
    mine.post("/v1/checkpoints", json={**GRU, "hidden_size": 0})
    after = shown(mine)

    assert rise(before, after, requests(MADE, "refused")) == 1
    assert rise(before, after, 'stepzero_refusals_total{code="invalid_spec"}') == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/no/such/page"), ("DELETE", "/v1/plan"), ("GET", "/v1/checkpoints/a/b/c/d")],
)
def test_what_no_route_answers_has_no_name_of_its_own(
    mine: httpx.Client, method: str, path: str
) -> None:
    before = shown(mine)
    mine.request(method, path)
    after = shown(mine)

    assert rise(before, after, requests("other", "refused")) == 1
    assert path not in str(after)


def test_a_client_that_leaves_is_an_aborted_request_and_owes_nothing(mine: httpx.Client) -> None:
    before = shown(mine)
    with Call.post(str(mine.base_url), LARGE, receive_buffer_bytes=4096) as call:
        call.read_head()
        during = shown(mine)
    until = time.monotonic() + WAIT_S
    while not rise(before, after := shown(mine), requests(MADE, "aborted")):
        assert time.monotonic() < until

    assert during["stepzero_in_flight_bytes"] > 0
    assert during["stepzero_requests_in_flight"] == 2  # the other asks for this number
    assert after["stepzero_in_flight_bytes"] == 0
    assert rise(before, after, requests(MADE, "served")) == 0


def test_labels_are_few_whatever_is_asked(mine: httpx.Client) -> None:
    for seed in range(30):
        make(mine, GRU, seed=seed)
        mine.get(f"/{seed}")
        mine.get("/v1", headers={"X-Request-ID": str(seed), "traceparent": str(seed)})
    routes = {name for name in shown(mine) if name.startswith("stepzero_requests_total")}
    codes = {name for name in shown(mine) if name.startswith("stepzero_refusals_total")}

    assert len(routes) < 5 * 20
    assert len(codes) == len(BY_CODE)


def test_can_be_closed() -> None:
    with running(Settings(metrics=False)) as url:
        assert httpx.get(f"{url}/metrics").status_code == 404
        assert "/metrics" not in httpx.get(f"{url}/openapi.json").json()["paths"]


def test_a_reader_that_is_too_slow_is_cut() -> None:
    settings = Settings(client_grace_s=1, min_client_bytes_per_s=1 << 30)
    with (
        running(settings) as url,
        httpx.Client(base_url=url) as client,
        Call.post(url, LARGE, receive_buffer_bytes=4096) as call,
    ):
        call.read_head()
        until = time.monotonic() + WAIT_S
        while not (found := shown(client)).get(requests(MADE, "cut")):
            assert time.monotonic() < until
            time.sleep(0.05)

    assert found["stepzero_in_flight_bytes"] == 0
    assert found[requests(MADE, "aborted")] == found[requests(MADE, "failed")] == 0


@pytest.mark.slow
def test_any_of_several_workers_answers_for_all() -> None:
    with server_process(workers=2) as served:
        for _ in range(20):
            httpx.post(f"{served.url}/v1/checkpoints", json=GRU, timeout=60).raise_for_status()
        until = time.monotonic() + WAIT_S
        while True:
            texts = [httpx.get(f"{served.url}/metrics", timeout=60).text for _ in range(5)]
            found = [counted(text) for text in texts]
            if all(each["stepzero_ready_processes"] == 2 for each in found):
                break
            assert time.monotonic() < until
            time.sleep(0.1)
        served.process.terminate()
        served.process.wait(WAIT_S)

    for each in found:
        assert each[requests(MADE, "served")] == 20
        assert each["stepzero_processes"] == 2
        assert each["process_resident_memory_bytes"] > 2 * ONE_PROCESS_BYTES
        assert each["process_open_fds"] > 2
        assert each["process_cpu_seconds_total"] > 0
        assert each['stepzero_budget_bytes{memory="host"}'] > 0
