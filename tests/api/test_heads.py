"""Whatever answers GET answers HEAD: the same status and headers, no body, and no drawing."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from app.main import create_app
from app.settings import Settings
from tests.api.asking import GRU, describe

SPEC = {**GRU, "seed": 61}
PAGES = ["/", "/docs", "/openapi.json", "/_static/studio.css", "/_static/docs.js"]
PATHS = [path for path, item in create_app(Settings()).openapi()["paths"].items() if "get" in item]
# Three take drawing, the other changes with each request.
UNMEASURED = ("/summary", "/diagnostics", "/metrics", "/report.{format}")
VARYING = {"date", "x-request-id"}
QUERY = "rnn_type=gru&input_size=10&hidden_size=20"


@pytest.fixture(scope="module")
def planned(client: httpx.Client) -> dict[str, Any]:
    """What a server knows of a network that it has not drawn."""
    return describe(client, SPEC)


def filled(path: str, planned: dict[str, Any]) -> str:
    """Return an address of a route that exists."""
    path = path.replace("{recipe}", planned["recipe"])
    path = path.replace("{name}.{extension}", "any.npz").replace("report.{format}", "report.svg")
    return f"{path}?{QUERY}" if path == "/v1/checkpoints" else path


@pytest.mark.parametrize("path", [*PATHS, *PAGES])
def test_every_get_has_a_head_with_its_status_and_headers(
    path: str, planned: dict[str, Any], client: httpx.Client
):
    address = filled(path, planned)
    head, got = client.head(address), client.get(address)

    learned = {name for name in got.headers if name.startswith("stepzero-")}
    unknown = {"content-length", "transfer-encoding"} if path.endswith(UNMEASURED) else set()
    assert head.status_code == got.status_code < 400
    assert head.content == b""
    assert set(got.headers) - set(head.headers) <= learned | unknown
    for name in set(head.headers) - VARYING - unknown:
        assert head.headers[name] == got.headers[name], name


def test_a_head_of_a_summary_draws_nothing(client: httpx.Client):
    sizes = {"input_size": 8192, "hidden_size": 8192, "num_layers": 24}
    links = describe(client, {"rnn_type": "lstm", **sizes})["links"]
    head = client.head(links["summary"], timeout=10)

    assert (head.status_code, head.headers["Content-Type"]) == (200, "application/json")
    assert "Content-Length" not in head.headers


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/checkpoints", 422),
        ("/v1/checkpoints/nope", 404),
        ("/v1/checkpoints/nope/summary", 404),
        ("/v1/checkpoints/nope/spec", 404),
        ("/v1?page=2", 422),
        ("/v1/plan", 405),
        ("/nope", 404),
    ],
)
def test_a_head_is_refused_as_a_get_is(path: str, status: int, client: httpx.Client):
    head, got = client.head(path), client.get(path)

    assert head.status_code == got.status_code == status
    assert head.headers["Content-Type"] == "application/problem+json"


def test_the_405_of_another_method_names_head(client: httpx.Client):
    for path in ("/v1/checkpoints/x", "/v1/checkpoints/x/summary", "/v1/checkpoints/x/spec"):
        assert client.put(path).headers["Allow"] == "GET, HEAD"
    assert client.put("/v1/checkpoints").headers["Allow"] == "GET, HEAD, POST"
