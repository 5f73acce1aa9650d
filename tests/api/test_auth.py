"""Where keys are on, nobody passes without one: not to a route, not to a page that there is not."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from anyio.from_thread import start_blocking_portal
from typer.testing import CliRunner

from app.callers.api_keys import new_key, read_keys
from app.main import create_app
from app.settings import Settings
from stepzero_rnn.cli import cli
from stepzero_rnn.client import Client
from stepzero_rnn.errors import Unauthenticated
from tests.api.asking import GRU, permalink
from tests.conftest import running

KEY, KEPT = new_key("ci")
OTHER, _ = new_key("other")
BEARER = {"Authorization": f"Bearer {KEY}"}
HEADER = {"X-API-Key": KEY}
KEYED = Settings(api_keys=read_keys([KEPT.line]))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The address of a server that asks for keys."""
    with running(KEYED) as url:
        yield url


@pytest.fixture(scope="module")
def stranger(url: str) -> Iterator[httpx.Client]:
    """A client without a key."""
    with httpx.Client(base_url=url, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def friend(url: str) -> Iterator[httpx.Client]:
    """A client with a key."""
    with httpx.Client(base_url=url, timeout=60, headers=BEARER) as client:
        yield client


def operations() -> list[tuple[str, str]]:
    """Return every operation of the API, but for its health and the question who is signed in."""
    return [
        (method.upper(), path)
        for path, item in create_app(KEYED).openapi()["paths"].items()
        for method in item
        if not path.startswith("/healthz") and (method, path) != ("get", "/v1/session")
    ]


class TestAStranger:
    @pytest.mark.parametrize(("method", "path"), operations())
    def test_is_refused_by_every_operation(self, method: str, path: str, stranger: httpx.Client):
        answer = stranger.request(method, path, json={"so": "wrong"} if method == "POST" else None)

        assert answer.status_code == 401  # before its body or its recipe is looked at
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="Step Zero"'

    @pytest.mark.parametrize("path", ["/nope", "/V1", "/docs/", "/healthz", "/metrics"])
    def test_does_not_learn_what_there_is(self, path: str, stranger: httpx.Client):
        assert stranger.get(path).status_code == 401
        assert stranger.delete(path).status_code == 401

    def test_is_told_how_to_do_better(self, stranger: httpx.Client):
        problem = stranger.get("/v1").json()

        assert (problem["code"], problem["key_given"]) == ("unauthenticated", False)
        assert "X-API-Key" in problem["detail"]

    @pytest.mark.parametrize(
        "headers",
        [
            {"Authorization": f"Bearer {OTHER}"},
            {"X-API-Key": OTHER},
            {"Authorization": f"Bearer {KEY}x"},
            {"Authorization": f"Bearer {KEY[:-1]}"},
            {"X-API-Key": KEPT.sha256.hex()},
            {"X-API-Key": KEPT.line},
            {"X-API-Key": f"{OTHER}, {KEY}"},
            {"Authorization": f"Bearer {OTHER}", "X-API-Key": KEY},  # the standard's header counts
        ],
    )
    def test_with_a_key_that_is_not_good_is_refused(
        self, headers: dict[str, str], stranger: httpx.Client
    ):
        answer = stranger.get("/v1", headers=headers)

        assert (answer.status_code, answer.json()["key_given"]) == (401, True)
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
        assert OTHER not in answer.text

    @pytest.mark.parametrize(
        "path", ["/healthz/live", "/healthz/ready", "/", "/docs", "/openapi.json"]
    )
    def test_sees_health_and_pages(self, path: str, stranger: httpx.Client):
        assert stranger.get(path).status_code == 200
        assert stranger.head(path).status_code == 200

    def test_sees_health_alone_where_the_pages_are_closed(self):
        with running(KEYED.model_copy(update={"open_pages": False})) as url:
            for path in ("/", "/docs", "/openapi.json", "/_static/studio.css", "/_static/docs.js"):
                assert httpx.get(url + path).status_code == 401, path
                assert httpx.get(url + path, headers=HEADER).status_code == 200, path
            assert httpx.get(f"{url}/healthz/live").status_code == 200


class TestAFriend:
    @pytest.mark.parametrize(
        "headers",
        [
            BEARER,
            HEADER,
            {"Authorization": f"bearer  {KEY}"},
            HEADER | {"Authorization": "Basic abc"},
        ],
    )
    def test_passes_by_either_header(self, headers: dict[str, str], stranger: httpx.Client):
        assert stranger.get("/v1", headers=headers).status_code == 200

    def test_gets_answers_that_only_its_own_caches_keep(self, friend: httpx.Client):
        address = permalink(friend, GRU)

        for answer in (
            friend.get(address),
            friend.head(address),
            friend.get(address, headers={"Range": "bytes=0-9"}),
            friend.get(address, headers={"If-None-Match": "*"}),
            friend.get(f"{address.rpartition('/')[0]}/spec"),
        ):
            assert answer.headers["Cache-Control"].startswith(
                "private, max-age=31536000, immutable"
            )

    def test_gets_the_same_bytes_as_everybody(self, friend: httpx.Client, client: httpx.Client):
        address = permalink(friend, GRU)

        assert friend.get(address).content == client.get(address).content


class TestTheClient:
    def test_sends_its_key(self, url: str, tmp_path: Path):
        with Client(url, api_key=KEY) as client:
            path = client.download(GRU, tmp_path / "gru.pt")

        assert path.stat().st_size > 0

    def test_without_one_raises_what_the_server_refuses(self, url: str):
        with Client(url) as client, pytest.raises(Unauthenticated):
            client.plan(GRU)

    def test_does_not_carry_it_to_another_server(self, url: str):
        with Client(url, api_key=KEY) as client:
            wire: Any = client._service._session.wire
            http = wire._http
            request = http.build_request("GET", "/v1")
            elsewhere = http._redirect_headers(
                request, httpx.URL("http://elsewhere.example/"), "GET"
            )

        assert request.headers["Authorization"] == BEARER["Authorization"]
        assert "Authorization" not in elsewhere


def test_swagger_offers_to_authorize_where_keys_are_on():
    document = create_app(KEYED).openapi()

    schemes = document["components"]["securitySchemes"]
    assert schemes["bearer"]["scheme"] == "bearer"
    assert (schemes["header"]["in"], schemes["header"]["name"]) == ("header", "X-API-Key")
    assert document["security"] == [{"bearer": []}, {"header": []}, {"session": []}]  # any will do
    assert document["paths"]["/healthz/live"]["get"]["security"] == []


def test_without_keys_the_document_does_not_speak_of_them():
    text = str(create_app(Settings()).openapi())

    assert "securitySchemes" not in text
    assert "unauthenticated" not in text


def test_a_key_that_is_taken_out_of_the_file_is_soon_good_no_more(tmp_path: Path):
    path = tmp_path / "keys"
    path.write_text(KEPT.line)

    with running(Settings(api_keys_file=path)) as url:
        assert httpx.get(f"{url}/v1", headers=HEADER).status_code == 200
        newest, kept = new_key("newest")
        path.write_text(f"# rotated\n{kept.line}\n")
        until = time.monotonic() + 20
        while httpx.get(f"{url}/v1", headers=HEADER).status_code == 200:
            assert time.monotonic() < until
            time.sleep(0.1)
        assert httpx.get(f"{url}/v1", headers={"X-API-Key": newest}).status_code == 200


def test_the_command_line_sends_its_key_with_arrays_too(url: str, tmp_path: Path):
    np.save(tmp_path / "weight_hh_l0.npy", np.eye(20, dtype=np.float32))
    network = ["-t", "rnn", "--input-size", "10", "--hidden-size", "20"]
    arrays = ["--arrays", str(tmp_path / "weight_hh_l0.npy")]
    result = CliRunner().invoke(
        cli, ["plan", *network, *arrays, "--server", url], env={"STEPZERO_API_KEY": KEY}
    )

    assert result.exit_code == 0, result.output


def test_the_name_of_a_key_is_in_the_state_for_those_who_log() -> None:
    states: list[Any] = []

    async def service(scope: Any, receive: Any, send: Any) -> None:
        states.append(scope["state"]["key_name"])

    api = create_app(KEYED)
    [guard] = [m for m in api.user_middleware if m.cls.__name__ == "Authenticate"]  # type: ignore[attr-defined]
    scope = {"type": "http", "path": "/v1", "headers": [(b"x-api-key", KEY.encode())]}
    with start_blocking_portal() as portal:
        portal.call(guard.cls(service, **guard.kwargs), scope, None, None)  # type: ignore[call-arg,arg-type]

    assert states == ["ci"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])  # noqa: S104
class TestWhereOthersCanReachTheService:
    def test_it_asks_for_keys(self, host: str):
        with pytest.raises(
            ValueError, match=re.escape(f"{host} is reachable from other machines, but no API")
        ):
            Settings(host=host)

    def test_it_starts_with_keys_or_when_told_that_none_are_wanted(self, host: str):
        assert not Settings(host=host, api_keys=read_keys([KEPT.line])).serves_anybody
        assert Settings(host=host, allow_anonymous=True).serves_anybody


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_on_the_loopback_none_are_needed(host: str):
    assert not Settings(host=host).api_keys
    assert not Settings(host=host).serves_anybody
