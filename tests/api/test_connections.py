"""Whoever sends too slowly, too much or no HTTP is told so, and holds nothing of the server for
long.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import httpx
import pytest

from tests.api.asking import GRU, Call, Served, make, resident_bytes, server_process

GRACE_S, MIN_BYTES_PER_S = 1, 1000
SOON_S = 10
MAX_HEAD_BYTES = 64 << 10
LARGE: Mapping[str, Any] = {"rnn_type": "gru", "input_size": 1024, "hidden_size": 1024}
POST = b"POST /v1/checkpoints HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def impatient() -> Iterator[Served]:
    """A server that waits for a second."""
    with server_process(client_grace_s=GRACE_S, min_client_bytes_per_s=MIN_BYTES_PER_S) as served:
        yield served


def refused(call: Call) -> tuple[int, dict[str, Any]]:
    """Read an answer that is a problem, after which the connection is closed."""
    status, headers, body = call.read_head()
    body += b"".join(call.read_rest())
    assert headers["content-type"] == "application/problem+json"
    assert int(headers["content-length"]) == len(body)
    problem = json.loads(body)
    assert problem["status"] == status
    assert problem["request_id"] == headers["x-request-id"]
    return status, problem


@pytest.mark.parametrize(
    "given",
    [
        b"G",
        b"GET /v1 HTTP/1.1\r\n",
        b"GET /v1 HTTP/1.1\r\nHost: x\r\nX-Half: ",
        POST + b"Content-Length: 61\r\n\r\n",
        POST + b'Content-Length: 61\r\n\r\n{"rnn_type": ',
        POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{",
    ],
)
def test_half_a_request_is_refused_in_time(given: bytes, impatient: Served):
    began_s = time.monotonic()
    with Call(impatient.url, given) as call:
        status, problem = refused(call)

    assert (status, problem["code"]) == (408, "slow_request")
    assert GRACE_S <= time.monotonic() - began_s < SOON_S
    assert problem["grace_s"] == GRACE_S


def test_who_says_nothing_is_not_waited_for(impatient: Served):
    with Call(impatient.url, b"") as call:
        assert call.read(1) == b""


def test_drops_do_not_lengthen_the_time_of_a_head(impatient: Served):
    with Call(impatient.url, b"GET /v1 HTTP/1.1\r\nX-Long: ") as call:
        for _ in range(8):
            time.sleep(GRACE_S / 5)
            try:
                call.socket.sendall(b"a")
            except OSError:
                break
        assert b" 408 " in call.read(100)


def test_a_body_that_keeps_the_least_rate_is_read(impatient: Served, client: httpx.Client):
    body = json.dumps(dict(GRU)).encode().ljust(3000)
    with Call(
        impatient.url, POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    ) as call:
        for first in range(0, len(body), 300):  # for three times the grace, at the least rate
            time.sleep(0.29)
            call.socket.sendall(body[first : first + 300])
        status, _, file = call.read_head()
        file += b"".join(call.read_rest())

    assert status == 200
    assert file == make(client, GRU).content


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"GET /" + b"a" * (MAX_HEAD_BYTES + 1), id="address"),
        pytest.param(b"GET / HTTP/1.1\r\nX: " + b"a" * (MAX_HEAD_BYTES + 1), id="header"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"X: aaaaa\r\n" * 20_000, id="headers"),
    ],
)
@pytest.mark.parametrize("end", [b" HTTP/1.1\r\n\r\n", b""], ids=["whole", "half"])
def test_a_head_that_is_too_large_is_refused(head: bytes, end: bytes, impatient: Served):
    with Call(impatient.url, head) as call:
        time.sleep(0.1)
        call.socket.sendall(end or b"a" * (MAX_HEAD_BYTES + 1))
        status, problem = refused(call)

    assert (status, problem["code"]) == (431, "head_too_large")
    assert problem["limit_bytes"] == MAX_HEAD_BYTES


def test_an_endless_head_takes_no_memory(impatient: Served):
    before = resident_bytes(impatient.process.pid)
    sent = 0
    with Call(impatient.url, b"GET / HTTP/1.1\r\nX-Endless: ") as call, suppress(OSError):
        while sent < 100 << 30:
            sent += call.socket.send(b"a" * (1 << 16))

    assert sent < 100 << 30
    assert resident_bytes(impatient.process.pid) - before < 8 << 20


def test_a_large_head_below_the_limit_is_read(client: httpx.Client):
    answer = client.get("/v1", headers={"X-Long": "a" * (MAX_HEAD_BYTES - 2000)})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "given",
    [
        b"\x16\x03\x01\x02\x00\x01",  # what a browser says first on https://
        b"hello\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n",
        POST + b"Content-Length: many\r\n\r\n",
        POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nx",
    ],
)
def test_what_is_no_http_is_refused(given: bytes, impatient: Served):
    with Call(impatient.url, given) as call:
        status, problem = refused(call)

    assert (status, problem["code"]) == (400, "malformed_http")


def test_garbage_behind_a_request_is_refused_behind_its_file(
    impatient: Served, client: httpx.Client
):
    file, asked = make(client, LARGE).content, json.dumps(dict(LARGE)).encode()
    request = POST + b"Content-Length: %d\r\n\r\n" % len(asked) + asked
    with Call(impatient.url, request, receive_buffer_bytes=64 << 10) as call:
        _, _, body = call.read_head()
        call.socket.sendall(b"hello\r\n\r\n")
        body += b"".join(call.read_rest())

    assert body.startswith(file)
    assert body.removeprefix(file).startswith(b"HTTP/1.1 400 ")
