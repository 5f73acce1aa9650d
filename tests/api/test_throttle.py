"""What one caller may take is told in every answer, and more is refused with the time to come
again.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any

import httpx
import pytest

from app.callers.api_keys import new_key, read_keys
from app.main import create_app
from app.scope import caller_of
from app.settings import Settings
from stepzero_rnn.client import Client
from stepzero_rnn.errors import TooManyRequests
from tests.api.asking import GRU, Call, permalink
from tests.conftest import running

WIDE: dict[str, Any] = {"rnn_type": "lstm", "input_size": 1024, "hidden_size": 1024}  # 34 MB
(CI, CI_KEPT), (ALICE, ALICE_KEPT) = new_key("ci"), new_key("alice")


class TestRequests:
    def test_are_refused_beyond_the_limit_with_the_time_to_wait(self):
        with running(Settings(rate_limits="2/hour")) as url:
            answers = [httpx.get(f"{url}/v1") for _ in range(3)]

        assert [answer.status_code for answer in answers] == [200, 200, 429]
        problem, headers = answers[-1].json(), answers[-1].headers
        assert (problem["code"], problem["limit"], problem["window_s"]) == (
            "too_many_requests",
            2,
            3600,
        )
        assert headers["Retry-After"] == str(problem["retry_after_s"])
        assert 0 < problem["retry_after_s"] <= 3600

    def test_are_counted_in_the_headers_that_the_draft_standard_names(self):
        with running(Settings(rate_limits="2/hour, 9/day")) as url:
            answers = [httpx.get(f"{url}/v1") for _ in range(3)]

        policies = {answer.headers["RateLimit-Policy"] for answer in answers}
        assert policies == {'"2-in-3600s";q=2;w=3600, "9-in-86400s";q=9;w=86400'}
        left = [re.findall(r";r=(\d+);t=\d+", answer.headers["RateLimit"]) for answer in answers]
        assert left == [["1", "8"], ["0", "7"], ["0", "6"]]

    def test_for_health_and_static_files_are_not_counted(self):
        with running(Settings(rate_limits="1/hour")) as url:
            for path in ("/healthz/live", "/healthz/ready", "/_static/studio.css") * 2:
                answer = httpx.get(url + path)
                assert answer.status_code == 200
                assert "RateLimit" not in answer.headers

    def test_are_counted_by_key_where_there_are_keys(self):
        keys = read_keys([CI_KEPT.line, ALICE_KEPT.line])
        with running(Settings(api_keys=keys, rate_limits="1/hour")) as url:
            asked = [httpx.get(f"{url}/v1", headers={"X-API-Key": key}) for key in (CI, ALICE, CI)]
            guess = httpx.get(f"{url}/v1", headers={"X-API-Key": "guess"})

        assert [answer.status_code for answer in asked] == [200, 200, 429]
        assert guess.status_code == 401

    def test_without_a_limit_are_not_spoken_of(self, client: httpx.Client):
        assert not {"RateLimit", "RateLimit-Policy"} & set(client.get("/v1").headers)

    def test_that_cannot_be_counted_are_served(self):
        settings = Settings(rate_limits="1/hour", rate_limits_url="redis://127.0.0.1:1")  # type: ignore[arg-type]
        with running(settings) as url:
            answers = [httpx.get(f"{url}/v1") for _ in range(2)]

        assert [answer.status_code for answer in answers] == [200, 200]

    def test_that_are_refused_reach_the_client_as_the_same_error(self):
        with running(Settings(rate_limits="1/hour")) as url, Client(url, retries=0) as client:
            client.devices()
            with pytest.raises(TooManyRequests):
                client.devices()


class TestBytes:
    def test_under_way_are_refused_beyond_the_limit_and_given_back_when_the_reader_leaves(self):
        limited = running(Settings(max_caller_bytes=40 << 20))
        with limited as url, httpx.Client(base_url=url, timeout=60) as client:
            wide, small = permalink(client, WIDE), permalink(client, GRU)
            with Call.get(url, wide, receive_buffer_bytes=4096) as slow:
                assert slow.read_head()[0] == 200
                refused = client.get(wide)
                assert client.get(small).status_code == 200  # there is room for it
            until_served = (client.get(wide).status_code for _ in range(600))
            assert 200 in until_served

        problem = refused.json()
        assert (refused.status_code, problem["code"]) == (429, "too_many_bytes")
        assert problem["held_bytes"] == problem["asked_bytes"] > (40 << 20) // 2
        assert refused.headers["Retry-After"] == str(problem["retry_after_s"])

    def test_are_those_that_are_sent_and_no_more(self):
        limited = running(Settings(max_caller_bytes=40 << 20))
        with limited as url, httpx.Client(base_url=url, timeout=60) as client:
            wide = permalink(client, WIDE)
            with Call.get(url, wide, receive_buffer_bytes=4096) as slow:
                assert slow.read_head()[0] == 200
                assert client.head(wide).status_code == 200
                assert client.get(wide, headers={"If-None-Match": "*"}).status_code == 304
                assert client.get(wide, headers={"Range": "bytes=0-99"}).status_code == 206


@pytest.mark.parametrize(
    ("scope", "caller"),
    [
        ({"state": {"key_name": "ci"}, "client": ("192.0.2.1", 1)}, "key ci"),
        ({"state": {"key_name": None}, "client": ("192.0.2.1", 1)}, "host 192.0.2.1"),
        ({"client": ("::ffff:192.0.2.1", 1)}, "host 192.0.2.1"),
        ({"client": ("2001:db8:1:2:3:4:5:6", 1)}, "host 2001:db8:1:2::/64"),
        ({"client": None}, "host unknown"),
        ({"client": ("for=1", 1)}, "host unknown"),
        ({"client": ("x" * 60_000, 1)}, "host unknown"),
        ({"client": ("fe80::1%" + "x" * 60_000, 1)}, "host fe80::/64"),
    ],
)
def test_a_caller_is_a_key_or_an_address_or_one_customers_network(scope: Any, caller: str):
    assert caller_of(scope) == caller


def test_a_whole_ipv6_network_is_one_caller():
    network = ipaddress.ip_network("2001:db8::/64")
    callers = {caller_of({"client": (str(network[place]), 1)}) for place in (0, 1, 2**63)}

    assert len(callers) == 1


def test_limits_are_documented_where_they_hold():
    limited = create_app(Settings(rate_limits="2/hour", max_caller_bytes=1)).openapi()["paths"]

    answers = limited["/v1/plan"]["post"]["responses"]
    assert "`too_many_requests`" in answers["429"]["description"]
    assert "`too_many_bytes`" in answers["429"]["description"]
    assert {"RateLimit", "RateLimit-Policy"} <= set(answers["200"]["headers"])
    assert "429" not in limited["/healthz/live"]["get"]["responses"]
