"""A download costs no more than what is read of it: readers that leave, stall, dawdle or share."""

from __future__ import annotations

import gc
import hashlib
import select
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepzero_rnn.engine.draw import Sampler
from tests.api.asking import (
    FORMAT_NAMES,
    GRU,
    Call,
    Served,
    describe,
    make,
    process_seconds,
    resident_bytes,
)

MIB = 1 << 20

# 268 MB of plain numbers, quickly drawn; and matrices that take long to draw.
LARGE: Mapping[str, Any] = {
    "rnn_type": "lstm",
    "input_size": 2048,
    "hidden_size": 2048,
    "num_layers": 2,
}
LARGE_LAYER_BYTES = 134_300_000
SLOW: Mapping[str, Any] = {
    "rnn_type": "lstm",
    "input_size": 1536,
    "hidden_size": 1536,
    "num_layers": 4,
    "init": "orthogonal",
}


def wait_until_idle(pid: int, *, within_s: float) -> bool:
    """Say whether a process stops computing before the time is over."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        before = process_seconds(pid)
        time.sleep(0.2)
        if process_seconds(pid) - before <= 0.02:
            return True
    return False


@pytest.fixture
def idle_server(other_server: Served) -> Served:
    """A server that does nothing at the moment."""
    assert wait_until_idle(other_server.process.pid, within_s=30)
    return other_server


class TestAReaderThatLeaves:
    def test_during_the_download_ends_the_drawing(self, idle_server: Served):
        with Call.post(idle_server.url, {**LARGE, "num_layers": 4, "seed": 1}) as call:
            status, _, _ = call.read_head()
            busy = process_seconds(idle_server.process.pid)
            call.read(1000)

        assert status == 200
        assert busy > 0
        assert wait_until_idle(idle_server.process.pid, within_s=2)

    @settings(
        max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(read_bytes=st.integers(0, 4 * LARGE_LAYER_BYTES), seed=st.integers(0, 2**32))
    def test_anywhere_in_the_file_ends_the_drawing(
        self, read_bytes: int, seed: int, other_server: Served
    ):
        with Call.post(other_server.url, {**LARGE, "num_layers": 4, "seed": seed}) as call:
            _, _, body = call.read_head()
            left = read_bytes - len(body)
            while left > 0 and (part := call.read(1 << 20)):  # it may be more than the file
                left -= len(part)

        assert wait_until_idle(other_server.process.pid, within_s=2)

    def test_during_the_check_ends_the_check(self, idle_server: Served):
        with Call.post(idle_server.url, {**SLOW, "seed": 2}):
            time.sleep(0.5)
            assert not wait_until_idle(idle_server.process.pid, within_s=0.3)

        assert wait_until_idle(idle_server.process.pid, within_s=3)

    def test_a_summary_ends_its_making(self, idle_server: Served):
        with httpx.Client(base_url=idle_server.url) as client:
            path = describe(client, SLOW, seed=3)["links"]["summary"]
        with Call.get(idle_server.url, path):
            time.sleep(0.5)
            assert not wait_until_idle(idle_server.process.pid, within_s=0.3)

        assert wait_until_idle(idle_server.process.pid, within_s=3)

    def test_before_the_hash_is_known_ends_the_hashing(self, idle_server: Served):
        with httpx.Client(base_url=idle_server.url) as client:
            path = describe(client, SLOW, seed=4)["links"]["self"]
        with Call.get(idle_server.url, path + "?sha256=pt"):
            time.sleep(0.5)
            assert not wait_until_idle(idle_server.process.pid, within_s=0.3)

        assert wait_until_idle(idle_server.process.pid, within_s=3)

    def test_frees_drawing_and_chunks_without_the_garbage_collector(self, server_url: str):
        gc.collect()
        before = count(Sampler), count(memoryview)
        gc.disable()
        try:
            with Call.post(server_url, {**LARGE, "num_layers": 1, "seed": 9}) as call:
                call.read_head()
                during = count(Sampler)
            deadline = time.monotonic() + 2
            while (count(Sampler), count(memoryview)) != before and time.monotonic() < deadline:
                time.sleep(0.02)
            after = count(Sampler), count(memoryview)
        finally:
            gc.enable()

        assert during > before[0]
        assert after == before


def count(kind: type) -> int:
    """Count the objects of a kind."""
    return sum(type(thing) is kind for thing in gc.get_objects())


class TestAReaderThatStalls:
    @pytest.fixture
    def stalled(self, idle_server: Served) -> Iterator[tuple[Served, int]]:
        """A server whose large download nobody reads, and the memory it had before."""
        spec = {**LARGE, "seed": 5}
        with Call.post(idle_server.url, {**spec, "check": {"seq_len": 1, "batch": 1}}) as call:
            call.read_head()  # the check is over and remembered
        assert wait_until_idle(idle_server.process.pid, within_s=10)
        before = resident_bytes(idle_server.process.pid)
        with Call.post(
            idle_server.url,
            {**spec, "check": {"seq_len": 1, "batch": 1}},
            receive_buffer_bytes=64 << 10,
        ) as call:
            call.read_head()
            yield idle_server, before

    def test_holds_a_few_chunks_of_memory(self, stalled: tuple[Served, int]):
        server, before = stalled
        most = 0
        for _ in range(10):
            time.sleep(0.1)
            most = max(most, resident_bytes(server.process.pid))

        assert most - before < 64 * MIB

    def test_costs_no_computing(self, stalled: tuple[Served, int]):
        server, _ = stalled

        assert wait_until_idle(server.process.pid, within_s=2)

    def test_keeps_nobody_else_waiting(self, stalled: tuple[Served, int]):
        server, _ = stalled
        with httpx.Client(base_url=server.url, timeout=10) as client:
            assert len(make(client, GRU, seed=6).content) == 10013

    def test_keeps_no_thread_so_a_hundred_may_stall(self, stalled: tuple[Served, int]):
        server, _ = stalled
        calls = [
            Call.post(
                server.url,
                {**LARGE, "seed": 5, "check": {"seq_len": 1, "batch": 1}},
                receive_buffer_bytes=4096,
            )
            for _ in range(70)
        ]
        try:
            for call in calls:
                call.read_head()
            with httpx.Client(base_url=server.url, timeout=20) as client:
                make(client, GRU, seed=7)
        finally:
            for call in calls:
                call.socket.close()


MIDDLE: Mapping[str, Any] = {**LARGE, "hidden_size": 600, "input_size": 600, "dtype": "float16"}


@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_a_slow_reader_gets_the_bytes_a_fast_one_gets(
    name: str, client: httpx.Client, server_url: str
):
    fast = make(client, MIDDLE, format=name).content

    with Call.post(server_url, {**MIDDLE, "format": name}, receive_buffer_bytes=16 << 10) as call:
        _, headers, slow = call.read_head()
        for _ in range(25):  # so long that every buffer on the way is full and used again
            time.sleep(0.02)
            slow += call.read(64 << 10)
        slow += b"".join(call.read_rest())

    assert len(slow) == int(headers["content-length"]) == len(fast)
    assert hashlib.sha256(slow).digest() == hashlib.sha256(fast).digest()


@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_as_many_bytes_are_sent_as_were_declared(name: str, server_url: str):
    spec = {**LARGE, "input_size": 700, "hidden_size": 700, "format": name}
    with Call.post(server_url, spec) as call:
        _, headers, body = call.read_head()
        sent = len(body) + sum(len(part) for part in call.read_rest())

    assert "transfer-encoding" not in headers
    assert sent == int(headers["content-length"])


def test_a_small_request_is_answered_while_a_large_one_is_drawn(other_server: Served):
    with (
        httpx.Client(base_url=other_server.url, timeout=10) as client,
        Call.post(other_server.url, {**SLOW, "seed": 8}) as large,
    ):
        time.sleep(0.3)
        make(client, GRU, seed=8)
        answered, _, _ = select.select([large.socket], [], [], 0)

        assert not answered, "the large one was too small for this test"


def test_many_downloads_at_once_are_each_right(client: httpx.Client, server_url: str):
    expected = hashlib.sha256(make(client, MIDDLE).content).digest()
    found: list[bytes] = []

    def download() -> None:
        with Call.post(server_url, MIDDLE) as call:
            _, _, body = call.read_head()
            digest = hashlib.sha256(body)
            for part in call.read_rest():
                digest.update(part)
            found.append(digest.digest())

    threads = [threading.Thread(target=download) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [expected] * 8
