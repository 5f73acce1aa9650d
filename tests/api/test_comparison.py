"""`POST /v1/compare` and `/v1/recommend`: what is answered, and what is refused."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from fastapi import Request

import stepzero_rnn
from app.response.comparison import under
from stepzero_rnn.client import Client
from stepzero_rnn.errors import InvalidSpec
from tests.api.asking import Call, Served, gauge, server_process
from tests.awaiting import AwaitingClient
from tests.comparison.asking import (
    CHRONO,
    GRU,
    LSTM,
    QUICK,
    STARTS,
    TWO,
    WRONG,
    WRONG_CANDIDATES,
    WRONG_STARTS,
)
from tests.waiting import wait_for

AnyClient = Client | AwaitingClient
HUGE: Mapping[str, Any] = {"rnn_type": "lstm", "input_size": 1024, "hidden_size": 1024}
MINUTES: Mapping[str, Any] = {  # of a core
    "network": {"rnn_type": "lstm", "input_size": 8, "hidden_size": 512},
    "level": "full",
    "seq_len": 500,
    "seeds": [0, 1, 2, 3],
}


@pytest.fixture(scope="module")
def api(server_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server_url, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def small() -> Iterator[Served]:
    """A server that does one thing at a time, and little of it."""
    with server_process(max_checks=1, max_multiply_adds=10**13) as served:
        yield served


def compare(api: httpx.Client, **fields: Any) -> httpx.Response:
    headers = fields.pop("headers", None)
    body = {"network": dict(LSTM), "starts": TWO, **QUICK, **fields}
    return api.post("/v1/compare", json=body, headers=headers)


def recommend(api: httpx.Client, **fields: Any) -> httpx.Response:
    return api.post("/v1/recommend", json={"network": dict(GRU), **QUICK, **fields})


def test_the_service_compares_as_the_library_does(api: httpx.Client) -> None:
    answer = compare(api)
    found = stepzero_rnn.compare(LSTM, STARTS, **QUICK)

    assert answer.status_code == 200
    document = answer.json()
    assert [row["label"] for row in document["rows"]] == [*STARTS]
    for row, expected in zip(document["rows"], found.rows, strict=True):
        assert row["recipe"] == expected.recipe
        score = expected.figures["score"].median
        assert row["figures"]["score"]["median"] == pytest.approx(score, abs=1e-4)
    assert api.get(document["rows"][0]["url"]).status_code == 200
    assert document["omitted"] == []


def test_the_service_recommends_as_the_library_does(api: httpx.Client) -> None:
    answer = recommend(api, init=dict(CHRONO), exclude=["keras"])
    found = stepzero_rnn.recommend(GRU, init=CHRONO, exclude=["keras"], **QUICK)

    assert answer.status_code == 200
    candidates = answer.json()["candidates"]
    assert {row["label"] for row in candidates} == {row.label for row in found.candidates}
    assert [row["is_recommended"] for row in candidates[:4]] == [True, True, True, False]


@pytest.mark.parametrize(
    "asked",
    [
        {"format": "csv"},
        {"headers": {"Accept": "text/csv"}},
        {"headers": {"Accept": "application/json;q=0.5, text/csv"}},
    ],
)
def test_a_comparison_can_be_csv(api: httpx.Client, asked: dict[str, Any]) -> None:
    answer = compare(api, **asked)

    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["vary"] == "Accept"
    lines = [*csv.DictReader(io.StringIO(answer.text))]
    assert [line["label"] for line in lines] == [*STARTS]
    assert all(line["score_median"] for line in lines)


@pytest.mark.parametrize(
    "asked",
    [
        {"format": "json", "headers": {"Accept": "text/csv"}},
        {"headers": {"Accept": "*/*"}},
        {"headers": {"Accept": "text/html"}},
    ],
)
def test_otherwise_it_is_json(api: httpx.Client, asked: dict[str, Any]) -> None:
    assert compare(api, **asked).headers["content-type"] == "application/json"


@pytest.mark.parametrize("case", WRONG | WRONG_STARTS)
def test_a_wrong_comparison_is_refused(api: httpx.Client, case: str) -> None:
    fields, pointer, code = (WRONG | WRONG_STARTS)[case]
    answer = api.post("/v1/compare", json={"network": dict(GRU), "starts": TWO, **fields})

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    (error,) = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == (pointer, code)


@pytest.mark.parametrize("case", WRONG | WRONG_CANDIDATES)
def test_a_wrong_recommendation_is_refused(api: httpx.Client, case: str) -> None:
    fields, pointer, code = (WRONG | WRONG_CANDIDATES)[case]
    answer = api.post("/v1/recommend", json={"network": dict(GRU), **fields})

    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == (pointer, code)


@pytest.mark.parametrize("path", ["/v1/compare", "/v1/recommend"])
@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"json": []}, 422, "invalid_spec"),
        ({"json": {}}, 422, "invalid_spec"),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, "malformed_json"),
        ({"data": {"network": "gru"}}, 415, "unsupported_media_type"),
        ({"json": {"network": dict(GRU)}, "params": {"seq_len": 5}}, 422, "invalid_spec"),
        ({"json": {"padding": "x" * (2 << 20)}}, 413, "body_too_large"),
    ],
)
def test_other_bodies_are_refused(
    api: httpx.Client, path: str, sent: dict[str, Any], status: int, code: str
) -> None:
    answer = api.post(path, **sent)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_arrays_that_are_not_stored_are_refused(api: httpx.Client) -> None:
    gone = {"label": "mine", "init": {"arrays": {"sha256": "0" * 64}}}

    assert compare(api, starts=[*TWO, gone]).json()["code"] == "arrays_gone"
    assert recommend(api, include=[gone]).json()["code"] == "arrays_gone"


def test_a_recipe_that_fits_into_no_url_is_refused(api: httpx.Client) -> None:
    values = [[(row * 7919 + column) / 7907 for column in range(32)] for row in range(32)]
    long = {"label": "long", "init": {"weight_hh": {"scheme": "array", "values": values}}}
    network = {"rnn_type": "rnn", "input_size": 2, "hidden_size": 32}

    answer = compare(api, network=network, starts=[*TWO[:1], long])

    assert (answer.status_code, answer.json()["code"]) == (422, "recipe_too_long")


@pytest.mark.parametrize("path", ["/v1/compare", "/v1/recommend"])
def test_what_takes_too_much_in_all_is_refused_before_anything_is_drawn(
    small: Served, path: str
) -> None:
    many = {"network": HUGE, "seq_len": 1000, "level": "quick", "seeds": [*range(16)]}
    if path == "/v1/compare":
        many["starts"] = TWO
    answer = httpx.post(small.url + path, json=many, timeout=60)

    assert (answer.status_code, answer.json()["code"]) == (413, "too_much_work")
    assert "`seeds`" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/v1/compare", "/v1/recommend"])
def test_it_ends_when_the_client_leaves(small: Served, path: str) -> None:
    fields = {**MINUTES, "starts": TWO} if path == "/v1/compare" else MINUTES
    fields = {**fields, "seeds": [0]} if path == "/v1/recommend" else fields
    body = json.dumps(fields).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with Call(small.url, f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body):
        assert wait_for(lambda: gauge(small, "stepzero_checks") == 1, within_s=30)

    assert wait_for(lambda: gauge(small, "stepzero_checks") == 0, within_s=30)


def test_links_begin_where_the_service_is_served() -> None:
    rows = stepzero_rnn.compare(GRU, STARTS, seeds=[0], **QUICK).rows
    request = Request({"type": "http", "root_path": "/factory"})

    assert [row.url for row in under(request, rows)] == [f"/factory{row.url}" for row in rows]


@pytest.mark.parametrize("kind", [Client, AwaitingClient], ids=["blocking", "async"])
def test_both_clients_ask_for_the_same(server_url: str, kind: type[AnyClient]) -> None:
    with kind(server_url) as client:
        compared = client.compare(LSTM, STARTS, seeds=[1, 2], **QUICK)
        ranked = client.recommend(GRU, init=CHRONO, exclude=["keras"], seeds=[0], **QUICK)
        with pytest.raises(InvalidSpec, match="at least 2"):
            client.compare(LSTM, TWO[:1])

    assert [row["label"] for row in compared["rows"]] == [*STARTS]
    assert compared["seeds"] == [1, 2]
    assert "init" in [one["label"] for one in ranked["candidates"]]
