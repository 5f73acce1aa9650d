"""A refusal opened in a browser is a page with the facts of the JSON; programs get the JSON."""

from __future__ import annotations

import html
import json
import re
from urllib.parse import unquote, urljoin

import httpx
import pytest

from app.callers.api_keys import new_key, read_keys
from app.html.frame import home_of
from app.settings import Settings
from tests.api.asking import GRU
from tests.conftest import running

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
ID = {"X-Request-ID": "typo-1"}
WRONG = "/v1/checkpoints?rnn_type=gru&input_size=ten&hidden_size=20&initt=a"
JSON_TYPE = "application/problem+json"


def opened(client: httpx.Client, path: str) -> httpx.Response:
    """Open an address as a browser does."""
    return client.get(path, headers={"Accept": BROWSER} | ID)


def words(page: httpx.Response) -> str:
    """Return the text of a page."""
    return html.unescape(re.sub("<[^>]*>", " ", page.text))


@pytest.mark.parametrize(
    "path",
    [
        WRONG,
        "/v1/checkpoints/1.wBT8CA95I0MLAB/gru.pt",
        "/v1/checkpoints/2.AAAA",
        "/v1/checkpoints/1.wBT8CA95I0MLAA/gru.gguf",
        "/v1/checkpoints/1.wBT8CA95I0MLAA/gru-10x20-00000000.pt",
        "/nope",
        "/v1/plan",
        "/_static/nope",
    ],
)
def test_a_page_tells_what_the_json_tells(path: str, client: httpx.Client):
    page, told = opened(client, path), client.get(path, headers=ID)
    problem = told.json()

    assert page.status_code == told.status_code
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    shown = words(page)
    for name in ("title", "detail", "code", "request_id"):
        assert problem[name] in shown
    for error in problem.get("errors") or ():
        for name in ("pointer", "code", "detail"):
            assert error[name] in shown


def test_a_page_runs_nothing_and_loads_nothing(client: httpx.Client):
    page = opened(client, WRONG)

    assert "<script" not in page.text
    assert not re.search(r"(src|style)=", page.text)
    assert re.findall(r'href="([^"]*)"', page.text) == ["data:,", "../"]  # an icon, the way home
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/", "/nope", "/v1/plan", "/v1/checkpoints/1.a/b%2Fc.pt"])
@pytest.mark.parametrize(
    ("prefix", "known", "kept"),
    [("", "", ""), ("/factory", "/factory", "/factory"), ("/factory", "", "")],
    ids=["alone", "with its prefix", "behind a proxy that cuts it off"],
)
def test_a_page_leads_home_from_anywhere(path: str, prefix: str, known: str, kept: str):
    scope = {"type": "http", "path": kept + unquote(path), "root_path": known}
    home = home_of(scope | {"raw_path": f"{kept}{path}".encode()})

    assert urljoin(f"https://ml.example{prefix}{path}", home) == f"https://ml.example{prefix}/"


@pytest.mark.parametrize("given", ["<script>alert(1)</script>", '"><img src=x>', "&lt;", "\ud800"])
def test_what_was_given_is_text_on_a_page(given: str, client: httpx.Client):
    query = {**GRU, "init": json.dumps({"scheme": given})}
    page = client.get("/v1/checkpoints", params=query, headers={"Accept": BROWSER})

    assert (page.status_code, page.headers["Content-Type"]) == (422, "text/html; charset=utf-8")
    assert not re.search("<(script|img)", page.text)
    assert given.replace("\ud800", "\ufffd") in words(page)  # as a reader shows half a pair


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "application/json",
        "application/problem+json, text/html",
        "text/html;q=0.5, application/json;q=0.9, */*;q=0.8",
        "",
    ],
)
def test_programs_get_json(accept: str, client: httpx.Client):
    assert client.get(WRONG, headers={"Accept": accept}).headers["Content-Type"] == JSON_TYPE


def test_a_post_gets_json_whatever_it_accepts(client: httpx.Client):
    answer = client.post("/v1/plan", json={"rnn_type": "x"}, headers={"Accept": BROWSER})

    assert answer.headers["Content-Type"] == JSON_TYPE


def test_caches_are_told_that_accept_matters(client: httpx.Client):
    for accept in (BROWSER, "*/*"):
        assert "Accept" in client.get(WRONG, headers={"Accept": accept}).headers["Vary"]


def test_guards_refuse_a_browser_by_a_page_too():
    _, kept = new_key("ci")
    with running(Settings(api_keys=read_keys([kept.line]))) as url:
        page = httpx.get(f"{url}/v1", headers={"Accept": BROWSER})

    assert page.status_code == 401
    assert page.headers["WWW-Authenticate"] == 'Bearer realm="Step Zero"'
    assert "API key required" in page.text
