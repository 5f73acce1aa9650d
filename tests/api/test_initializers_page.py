"""The list of initializations, opened in a browser, is a page; programs get JSON."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from stepzero_rnn.spec.catalogue import catalogue

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
PATH = "/v1/initializers"
ROWS = {f"{kind} {row['name']}": row for kind, rows in catalogue().items() for row in rows}


@pytest.fixture(scope="module")
def page(client: httpx.Client) -> httpx.Response:
    """The page."""
    answer = client.get(PATH, headers={"Accept": BROWSER})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    return answer


@pytest.fixture(scope="module")
def words(page: httpx.Response) -> str:
    """Its text, without what only marks it up."""
    return html.unescape(re.sub("<[^>]*>", "", page.text))


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_it_tells_all_about_every_row(row: dict[str, Any], words: str):
    told = [row["name"], row["summary"], row["source"], row.get("formula", ""), row.get("note", "")]
    told += [
        text for field in row.get("fields", ()) for text in (field["name"], field["description"])
    ]

    assert not [text for text in told if text.replace("`", "") not in words]


def test_every_row_has_an_anchor_of_its_own(page: httpx.Response):
    anchors = re.findall(r'<article id="([^"]*)">', page.text)

    assert len(set(anchors)) == len(anchors) == len(ROWS)
    assert {"orthogonal", "chrono", "keras", "numpy_randn", "bias-uniform"} <= set(anchors)
    assert {row["name"] for row in ROWS.values()} <= set(anchors)
    assert set(re.findall('href="#([^"]*)"', page.text)) == set(anchors)


def test_every_example_is_one_click_away(page: httpx.Response, client: httpx.Client):
    links = re.findall(r'<a href="(\.\./[^"]+)">', page.text)

    assert len(links) == len(ROWS)
    for link in links:
        address = urljoin(PATH, html.unescape(link))
        assert client.get(address, headers={"Accept": BROWSER}).status_code == 303, address


def test_it_runs_nothing_and_loads_nothing(page: httpx.Response):
    assert "<script" not in page.text
    assert not re.search(r"(src|style)=", page.text)
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha")


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/json, text/html", ""])
def test_programs_get_json(accept: str, client: httpx.Client):
    answer = client.get(PATH, headers={"Accept": accept})

    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["weights"]


def test_caches_are_told_that_accept_matters(client: httpx.Client):
    for accept in (BROWSER, "*/*"):
        assert client.get(PATH, headers={"Accept": accept}).headers["Vary"] == "Accept"
