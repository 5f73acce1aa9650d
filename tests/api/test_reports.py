"""`GET …/report.{html,svg,png,pdf}`: what is sent, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

import stepzero_rnn
from stepzero_rnn.client import Client, checkpoint_path
from stepzero_rnn.errors import InvalidSpec
from stepzero_rnn.spec.recipe import as_spec, encode_recipe
from tests.api.asking import GRU, LSTM, Call, Served, gauge, server_process
from tests.awaiting import AwaitingClient
from tests.reports.reading import FORMATS, QUICK, Page, pages_of, require_png, require_svg
from tests.waiting import wait_for

MEDIA_TYPES = {
    "html": "text/html; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "pdf": "application/pdf",
}
ORTHOGONAL = {**GRU, "init": "orthogonal"}
WITHOUT_MATPLOTLIB = "import sys; sys.modules['matplotlib'] = None\n"
AnyClient = Client | AwaitingClient


def path(spec: Any, format: str = "html") -> str:
    return f"{checkpoint_path(as_spec(spec))}/report.{format}"


def recipe(spec: Any) -> str:
    return encode_recipe(as_spec(spec))


@pytest.fixture(scope="module")
def small() -> Iterator[Served]:
    """A server that does one thing at a time, and little of it."""
    with server_process(max_checks=1, max_multiply_adds=10**13) as served:
        yield served


@pytest.mark.parametrize("format", FORMATS)
def test_a_report_is_shown_by_a_browser_under_a_name(client: httpx.Client, format: str) -> None:
    answer = client.get(path(GRU, format), params=QUICK)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == MEDIA_TYPES[format]
    assert answer.headers["content-length"] == str(len(answer.content))
    name = rf'inline; filename="gru-10x20-r[0-9a-f]{{8}}-report\.{format}"'
    assert re.fullmatch(name, answer.headers["content-disposition"])
    assert "etag" not in answer.headers
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "script-src" not in answer.headers["content-security-policy"]


def test_the_files_are_what_they_say(client: httpx.Client) -> None:
    html, svg, png, pdf = (client.get(path(GRU, one), params=QUICK).content for one in FORMATS)

    assert "GRU, 10 → 20, 1 layer" in Page(html).text
    require_svg(svg)
    assert require_png(png)[0] > 1000
    assert pages_of(pdf) >= 1


def test_the_service_sends_the_bytes_of_the_library(client: httpx.Client) -> None:
    answer = client.get(path(GRU, "svg"), params=QUICK)

    assert answer.content == stepzero_rnn.report(GRU, format="svg", **QUICK)
    assert client.get(path(GRU, "svg"), params=QUICK).content == answer.content


def test_a_head_measures_nothing(client: httpx.Client) -> None:
    answer = client.head(path({**LSTM, "hidden_size": 512}, "pdf"), params={"level": "full"})

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/pdf"
    assert "content-length" not in answer.headers
    assert answer.elapsed.total_seconds() < 30


def test_starts_are_compared_with_those_in_the_query(client: httpx.Client) -> None:
    query: dict[str, Any] = {**QUICK, "against": [recipe(ORTHOGONAL), recipe({**GRU, "seed": 3})]}
    text = Page(client.get(path(GRU), params=query).content).text

    assert "Comparison of 3 starts" in text
    assert all(one in text for one in query["against"])


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ({"seq_len": 0}, "/seq_len", "greater_than_equal"),
        (
            {"seq_len": 20, "dependency_length": 21},
            "/dependency_length",
            "dependency_length_above_seq_len",
        ),
        ({"level": "fast"}, "/level", "literal_error"),
        ({"figures": "echo"}, "/figures", "extra_forbidden"),
        ({"seq_len": [3, 4]}, "/seq_len", "repeated"),
        ({"device": "tpu"}, "/device", "unknown_device"),
        ({"against": "x"}, "/against/0", "invalid_recipe"),
        ({"against": [recipe(GRU), recipe(LSTM)]}, "/against/1", "different_network"),
        ({"against": [recipe(GRU)] * 32}, "/against", "too_long"),
    ],
)
def test_wrong_options_are_refused(
    client: httpx.Client, query: dict[str, Any], pointer: str, code: str
) -> None:
    answer = client.get(path(GRU), params=query)

    assert answer.status_code == 422
    error = answer.json()["errors"][0]
    assert (error["pointer"], error["code"]) == (pointer, code)


def test_other_suffixes_are_those_of_checkpoints(client: httpx.Client) -> None:
    assert client.get(path(GRU, "pt")).headers["content-type"] == "application/vnd.pytorch"
    assert client.get(path(GRU, "gif")).json()["code"] == "unknown_format"


def test_a_start_that_fails_the_check_is_refused(client: httpx.Client) -> None:
    answer = client.get(path({**GRU, "init": "zeros"}), params=QUICK)

    assert (answer.status_code, answer.json()["code"]) == (422, "dead_output")


def test_what_takes_too_much_is_refused_before_anything_is_drawn(small: Served) -> None:
    spec = {"rnn_type": "lstm", "input_size": 1024, "hidden_size": 1024}
    query: dict[str, Any] = {
        "seq_len": 1000,
        "against": [recipe({**spec, "seed": one}) for one in range(1, 20)],
    }
    answer = httpx.get(small.url + path(spec), params=query, timeout=60)

    assert (answer.status_code, answer.json()["code"]) == (413, "too_much_work")
    assert "number of starts" in answer.json()["detail"]


def test_it_ends_when_the_client_leaves(small: Served) -> None:
    spec = {"rnn_type": "lstm", "input_size": 8, "hidden_size": 512}
    with Call.get(small.url, f"{path(spec)}?seq_len=400&level=full"):
        assert wait_for(lambda: gauge(small, "stepzero_checks") == 1, within_s=30)

    assert wait_for(lambda: gauge(small, "stepzero_checks") == 0, within_s=30)


def test_a_server_without_matplotlib_names_the_extra() -> None:
    with server_process(before=WITHOUT_MATPLOTLIB) as served:
        for method in ("GET", "HEAD"):
            answer = httpx.request(method, served.url + path(GRU, "svg"), timeout=60)
            assert answer.status_code == 501
        problem = httpx.get(served.url + path(GRU), timeout=60).json()
        diagnosed = httpx.get(
            served.url + f"{checkpoint_path(as_spec(GRU))}/diagnostics", params=QUICK, timeout=60
        )

    assert problem["code"] == "missing_extra"
    assert problem["extra"] == "report"
    assert "pip install 'stepzero-rnn[report]'" in problem["detail"]
    assert diagnosed.status_code == 200


@pytest.mark.parametrize("kind", [Client, AwaitingClient], ids=["blocking", "async"])
def test_both_clients_return_the_file(server_url: str, kind: type[AnyClient]) -> None:
    with kind(server_url) as client:
        one = client.report(GRU, format="svg", **QUICK)
        two = client.report(GRU, ORTHOGONAL, seq_len=12)
        with pytest.raises(InvalidSpec, match="within one network"):
            client.report(GRU, LSTM)

    require_svg(one)
    assert "Comparison of 2 starts" in Page(two).text
