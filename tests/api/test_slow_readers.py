"""A reader that takes next to nothing is cut off, leaves nothing behind, and one that only dawdles
is not.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.settings import Settings
from tests.api.asking import Call, Served, make, server_process
from tests.conftest import running
from tests.waiting import wait_for

FILE: Mapping[str, Any] = {"rnn_type": "gru", "input_size": 1024, "hidden_size": 1024}
FILE_BYTES = 25_190_400  # of weights
IMPATIENT: Mapping[str, Any] = {"client_grace_s": 1, "min_client_bytes_per_s": 1 << 20}
SOON_S = 20


@pytest.fixture(scope="module")
def impatient() -> Iterator[Served]:
    """A server that cuts a reader off after a second."""
    with server_process(**IMPATIENT) as served:
        yield served


def connections(served: Served) -> int:
    """Count the sockets of a server, which opens and closes files meanwhile."""
    there = Path(f"/proc/{served.process.pid}/fd")
    return sum(entry.is_socket() for entry in there.iterdir())


def stalled(url: str) -> Call:
    """Begin a download, and read its head alone."""
    call = Call.post(url, FILE, receive_buffer_bytes=64 << 10)
    call.read_head()
    return call


def test_a_dead_reader_is_cut_off_and_its_connection_is_gone(impatient: Served):
    before = connections(impatient)
    calls = [stalled(impatient.url) for _ in range(5)]
    try:
        assert wait_for(lambda: connections(impatient) <= before, within_s=SOON_S)
        for call in calls:
            assert sum(len(part) for part in call.read_rest()) < FILE_BYTES
    finally:
        for call in calls:
            call.socket.close()


def test_a_reader_who_keeps_the_least_rate_gets_all_of_it(impatient: Served, client: httpx.Client):
    with Call.post(impatient.url, FILE, receive_buffer_bytes=64 << 10) as call:
        _, _, body = call.read_head()
        for _ in range(20):  # 4 MB/s at most, four times the least rate, for longer than the grace
            time.sleep(0.1)
            part_end = len(body) + (400 << 10)
            while len(body) < part_end:
                body += call.read(64 << 10)
        body += b"".join(call.read_rest())

    assert body == make(client, FILE).content


@pytest.mark.slow
def test_another_server_that_lets_nobody_break_a_connection_closes_it():
    with running(Settings(**IMPATIENT), http="httptools") as url, stalled(url) as call:
        time.sleep(2.5)
        sent = sum(len(part) for part in call.read_rest())

    assert sent < FILE_BYTES
