"""Whatever comes in or goes out on a connection has a bound in bytes and in time, and none of it
becomes what it is not.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import httpx
import pytest

from app.callers.api_keys import new_key
from tests.api.asking import Call, Served, gauge, permalink, resident_bytes, server_process
from tests.waiting import wait_for

GRACE_S = 1
SOON_S = 30
BUNDLE = "/_static/vendor/swagger-ui/swagger-ui-bundle.js"
KEY, KEPT = new_key("ci")
POST = b"POST /v1/plan HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
GET = b"GET /healthz/live HTTP/1.1\r\nHost: x\r\n"
WITH_KEY = b"X-API-Key: " + KEY.encode() + b"\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
EXPENSIVE: Mapping[str, Any] = {  # minutes of a core
    "rnn_type": "lstm",
    "input_size": 8,
    "hidden_size": 1024,
    "num_layers": 40,
    "init": {"weight_hh": "spectral_radius"},
}


@pytest.fixture(scope="module")
def guarded() -> Iterator[Served]:
    """A server with a key, behind a proxy, that waits for a second."""
    with server_process(
        api_keys=KEPT.line,
        trusted_proxies="127.0.0.1",
        rate_limits="1000/hour",
        client_grace_s=GRACE_S,
        max_checks=2,
    ) as served:
        yield served


def send_until_ended(call: Call, piece: bytes, *, max_bytes: int) -> int:
    """Send a piece again and again until the connection ends; give how many bytes went out."""
    sent = 0
    with suppress(OSError):
        while sent < max_bytes:
            sent += call.socket.send(piece)
    return sent


def read_to_end(call: Call) -> int:
    """Read until the connection ends, which has to be soon; give how many bytes came."""
    call.socket.settimeout(SOON_S)
    count = 0
    with suppress(ConnectionResetError):
        while part := call.read(1 << 16):
            count += len(part)
    return count


class TestWhatNobodyReads:
    """Bytes behind a request that was refused, before any key was given."""

    @pytest.mark.parametrize(
        ("begin", "piece"),
        [
            pytest.param(POST + CHUNKED + b"0\r\n", b"a:b\r\n" * 13_000, id="trailers"),
            pytest.param(POST + CHUNKED + b"0\r\nX: ", b"a" * 65_536, id="one trailer"),
            pytest.param(POST + CHUNKED, b"1\r\na\r\n" * 10_000, id="tiny chunks"),
            pytest.param(POST + CHUNKED, b"1;" + b"x" * 1000 + b"\r\na\r\n", id="chunk extensions"),
            pytest.param(POST + CHUNKED + b"1;", b"x" * 65_536, id="one chunk extension"),
            pytest.param(POST + b"Content-Length: %d\r\n\r\n" % 10**18, b"a" * 65_536, id="body"),
            pytest.param(
                GET + b"Content-Length: %d\r\n\r\n" % 10**18, b"a" * 65_536, id="GET body"
            ),
        ],
    )
    def test_is_taken_up_to_a_bound_in_bytes_and_memory(
        self, begin: bytes, piece: bytes, guarded: Served
    ):
        before_bytes = resident_bytes(guarded.process.pid)
        with Call(guarded.url, begin) as call:
            send_until_ended(call, piece, max_bytes=1 << 40)

        assert resident_bytes(guarded.process.pid) - before_bytes < 16 << 20

    @pytest.mark.parametrize(
        ("begin", "piece"),
        [
            pytest.param(b"0\r\n", b"a:b\r\n" * 500, id="trailers"),
            pytest.param(b"1\r\n{\r\n", b"1\r\n \r\n" * 500, id="tiny chunks"),
            pytest.param(b"1\r\n{\r\n1;", b"x" * 3000, id="one chunk extension"),
        ],
    )
    def test_is_bounded_with_a_key_as_well(self, begin: bytes, piece: bytes, guarded: Served):
        with Call(guarded.url, POST + WITH_KEY + CHUNKED + begin) as call:
            sent_bytes = send_until_ended(call, piece, max_bytes=1 << 40)

        assert sent_bytes < 1 << 40

    def test_lets_the_refusal_through_first(self, guarded: Served):
        with Call(guarded.url, POST + b"Content-Length: %d\r\n\r\n" % 10**12) as call:
            send_until_ended(call, b"a" * 65_536, max_bytes=1 << 20)
            status, headers, _ = call.read_head()

        assert (status, headers["connection"]) == (401, "close")

    def test_leaves_the_connection_open_where_it_is_small(self, guarded: Served):
        body = b"{" + b" " * 1000
        with Call(guarded.url, POST + b"Content-Length: %d\r\n\r\n" % (len(body) + 1)) as call:
            status, headers, text = call.read_head()
            while len(text) < int(headers["content-length"]):
                text += call.read(1000)
            call.socket.sendall(body + b"}" + GET + b"\r\n")
            second, _, _ = call.read_head()

        assert (status, second) == (401, 200)
        assert "connection" not in headers

    @pytest.mark.parametrize("line", [b"a:\n", b"X-Short: 1\r\n", b" \r\n"])
    def test_is_refused_where_a_head_has_too_many_lines(self, line: bytes, guarded: Served):
        with Call(guarded.url, GET + line * 10_000 + b"\r\n") as call:
            status, _, body = call.read_head()
            body += b"".join(call.read_rest())

        assert status == 431
        assert json.loads(body)["limit_lines"] == 128


class TestATrailer:
    """What comes behind a chunked body is no header."""

    @pytest.mark.parametrize("at_once", [True, False], ids=["in one packet", "later"])
    def test_is_no_key(self, at_once: bool, guarded: Served):
        body = b"2\r\n{}\r\n0\r\n" + WITH_KEY + b"\r\n"
        with Call(guarded.url, POST + CHUNKED + (body if at_once else b"")) as call:
            if not at_once:
                time.sleep(0.1)
                call.socket.sendall(body)
            status, _, _ = call.read_head()

        assert status == 401

    def test_is_not_who_asked_a_proxy(self, guarded: Served):
        left = []
        for number in range(3):
            head = POST + b"X-Forwarded-For: 203.0.113.9\r\n" + WITH_KEY + CHUNKED
            trailer = b"0\r\nX-Forwarded-For: 9.9.7.%d\r\n\r\n" % number
            with Call(guarded.url, head + b"2\r\n{}\r\n" + trailer) as call:
                _, headers, _ = call.read_head()
            left.append(headers["ratelimit"].partition(";r=")[2].partition(";")[0])

        assert len({*left}) == 3  # one caller, whose requests are counted down


class TestAConnectionWithNothingToSay:
    @pytest.mark.parametrize(
        ("asked", "then"),
        [
            pytest.param(GET + b"\r\n", b"", id="after an answer"),
            pytest.param(GET + b"\r\n", b"\r\n", id="an empty line"),
            pytest.param(GET + b"Content-Length: 1000000\r\n\r\n", b"a", id="a byte of a body"),
            pytest.param(GET + CHUNKED, b"1", id="a digit of a chunk's size"),
            pytest.param(GET + CHUNKED, b"0\r\nX: ", id="half a trailer"),
            pytest.param(GET + b"\r\n", b"GET / HT", id="half the next head"),
            pytest.param(GET + b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n", b"x", id="upgrade"),
        ],
    )
    def test_is_ended_in_time(self, asked: bytes, then: bytes, guarded: Served):
        with Call(guarded.url, asked) as call:
            call.read_head()
            time.sleep(0.1)
            call.socket.sendall(then)

            read_to_end(call)  # which raises where it does not end


class TestAnAnswerThatNobodyTakes:
    def test_is_held_no_longer_than_a_stream(self, guarded: Served):
        page = f"GET {BUNDLE} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        answer = GET.replace(b"/healthz/live", b"/v1/initializers") + WITH_KEY + b"\r\n"
        full_bytes = len(httpx.get(f"{guarded.url}{BUNDLE}").content)
        with (
            Call(guarded.url, page, receive_buffer_bytes=4096) as one,
            Call(guarded.url, answer * 100, receive_buffer_bytes=4096) as many,
        ):
            time.sleep(GRACE_S + 5)

            assert 0 < read_to_end(one) < full_bytes
            assert 0 < read_to_end(many) < full_bytes

    def test_does_not_keep_what_is_asked_behind_it(self, guarded: Served, client: httpx.Client):
        path = permalink(client, {"rnn_type": "lstm", "input_size": 1024, "hidden_size": 1024})
        asked = f"GET {path} HTTP/1.1\r\nHost: x\r\n".encode() + WITH_KEY + b"\r\n"
        with Call(guarded.url, asked, receive_buffer_bytes=4096) as call:
            call.read_head()
            before_bytes = resident_bytes(guarded.process.pid)
            send_until_ended(call, b"GET / HTTP/1.1\r\n\r\n" * 1000, max_bytes=1 << 30)

        assert resident_bytes(guarded.process.pid) - before_bytes < 16 << 20


@pytest.mark.parametrize(
    "behind",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(GET + b"\r\n", id="another request"),
        pytest.param(GET + b"Content-Le", id="half a request"),
        pytest.param((GET + b"\r\n") * 500, id="many requests"),
    ],
)
def test_who_leaves_is_noticed_whatever_was_sent_behind_the_request(behind: bytes, guarded: Served):
    body = json.dumps(dict(EXPENSIVE)).encode()
    head = POST.replace(b"/v1/plan", b"/v1/checkpoints") + WITH_KEY
    with Call(guarded.url, head + b"Content-Length: %d\r\n\r\n" % len(body) + body) as call:
        assert wait_for(lambda: gauge(guarded, "stepzero_checks", key=KEY) == 1, within_s=SOON_S)
        call.socket.sendall(behind)
        time.sleep(0.2)

    assert wait_for(lambda: gauge(guarded, "stepzero_checks", key=KEY) == 0, within_s=SOON_S)
    assert wait_for(
        lambda: gauge(guarded, "stepzero_requests_in_flight", key=KEY) == 1, within_s=SOON_S
    )


def test_a_body_that_is_framed_wrongly_is_refused_before_the_answer(guarded: Served):
    with Call(guarded.url, POST + WITH_KEY + CHUNKED + b"2\r\n{}XX") as call:
        status, _, body = call.read_head()
        body += b"".join(call.read_rest())

    assert (status, json.loads(body)["code"]) == (400, "malformed_http")


@pytest.mark.parametrize("hosts", [b"", b"Host: a\r\nHost: b\r\n"], ids=["none", "two"])
def test_a_request_names_one_host(hosts: bytes, guarded: Served):
    with Call(guarded.url, b"GET /v1 HTTP/1.1\r\n" + hosts + b"\r\n") as call:
        status, _, _ = call.read_head()

    assert status == 400


def test_an_absolute_address_is_one_of_its_path(guarded: Served):
    with Call(guarded.url, GET.replace(b"/healthz", b"http://x/healthz") + b"\r\n") as call:
        status, _, _ = call.read_head()

    assert status == 200


def test_requests_sent_at_once_are_answered_in_turn(guarded: Served):
    last = GET + b"Connection: close\r\n\r\n"
    with Call(guarded.url, (GET + b"\r\n") * 99 + last) as call:
        text = b"".join(call.read_rest())

    assert text.count(b"HTTP/1.1 200 OK\r\n") == 100
