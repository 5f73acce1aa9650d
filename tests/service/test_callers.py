"""One caller's share: requests counted by window, bytes held until they are given back."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import given
from hypothesis import strategies as st
from limits import parse_many

from app.callers.rate_limits import ByteQuota, ByteQuotas, RateLimiter, RateStatus
from stepzero_rnn.errors import TooManyBytes
from tests.api.asking import free_port


def take(rate_limiter: RateLimiter, *callers: str) -> list[list[RateStatus]]:
    """Count one request of each caller named."""

    async def run() -> list[list[RateStatus]]:
        try:
            return [await rate_limiter.take(caller) for caller in callers]
        finally:
            await rate_limiter.close()

    with start_blocking_portal() as portal:  # the browser tests leave a loop in this thread
        return portal.call(run)


class TestRates:
    def test_leave_what_is_left_until_nothing_is(self):
        found = take(RateLimiter(parse_many("2/hour")), "a", "a", "a", "a")

        assert [(q.left, q.exceeded) for [q] in found] == [
            (1, False),
            (0, False),
            (0, True),
            (0, True),
        ]
        assert all((q.limit, q.window_s) == (2, 3600) and 0 < q.ends_in_s <= 3600 for [q] in found)

    def test_are_each_callers_own(self):
        found = take(RateLimiter(parse_many("1/hour")), "a", "b", "a")

        assert [q.exceeded for [q] in found] == [False, False, True]

    def test_may_be_several(self):
        *_, last = take(RateLimiter(parse_many("5/hour, 2/day")), "a", "a", "a")

        assert [(q.limit, q.window_s, q.exceeded) for q in last] == [
            (5, 3600, False),
            (2, 86400, True),
        ]

    def test_that_cannot_be_counted_refuse_nobody_and_tell_no_address(
        self, caplog: pytest.LogCaptureFixture
    ):
        rate_limiter = RateLimiter(parse_many("1/hour"), f"redis://:secret@127.0.0.1:{free_port()}")

        assert take(rate_limiter, "a", "a") == [[], []]
        assert [
            record.getMessage() for record in caplog.records if "enforced" in record.getMessage()
        ] == ["rate limits not enforced, the store is unreachable: ConnectionError"]
        assert "secret" not in caplog.text

    def test_are_shared_by_replicas_through_redis(self, redis_url: str):
        replicas = [RateLimiter(parse_many("2/hour"), redis_url) for _ in range(3)]

        assert [q.exceeded for rate_limiter in replicas for [q] in take(rate_limiter, "a")] == [
            False,
            False,
            True,
        ]


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """A Redis of one's own; skips where there is none."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    port = free_port()
    command = [program, "--port", str(port), "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except ConnectionRefusedError:
                    assert process.poll() is None
                    time.sleep(0.02)
            yield f"redis://127.0.0.1:{port}"
        finally:
            process.kill()


class Clock:
    """A clock that is set by hand."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class TestShares:
    def test_refuse_what_is_beyond_the_limit_and_tell_both_numbers(self):
        byte_quotas = ByteQuotas(100, Clock())
        ByteQuota(byte_quotas, "a").reserve(60)

        with pytest.raises(TooManyBytes) as caught:
            ByteQuota(byte_quotas, "a").reserve(41)

        facts = caught.value.facts
        assert (facts["asked_bytes"], facts["held_bytes"], facts["limit_bytes"]) == (41, 60, 100)

    def test_are_each_callers_own(self):
        byte_quotas = ByteQuotas(100, Clock())
        ByteQuota(byte_quotas, "a").reserve(100)

        ByteQuota(byte_quotas, "b").reserve(100)

    def test_let_one_file_through_that_is_larger_than_the_limit(self):
        byte_quotas = ByteQuotas(100, Clock())

        ByteQuota(byte_quotas, "a").reserve(1000)

        with pytest.raises(TooManyBytes):
            ByteQuota(byte_quotas, "a").reserve(1)

    def test_estimate_the_wait_by_how_fast_the_caller_reads(self):
        clock = Clock()
        byte_quotas = ByteQuotas(100, clock)
        first = ByteQuota(byte_quotas, "a")
        first.reserve(100)
        clock.now_s = 2.0
        first.sent(20)

        with pytest.raises(TooManyBytes) as caught:
            ByteQuota(byte_quotas, "a").reserve(45)

        assert caught.value.headers["Retry-After"] == "5"  # 45 bytes at 10 a second

    @given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 60), st.booleans())))
    def test_hold_just_what_was_not_given_back(self, steps: list[tuple[str, int, bool]]):
        byte_quotas = ByteQuotas(100, Clock())
        held: dict[str, list[tuple[ByteQuota, int]]] = {"a": [], "b": [], "c": []}
        for caller, size, closes in steps:
            mine = held[caller]
            total = sum(bytes_ for _, bytes_ in mine)
            if closes:
                for byte_quota, _ in mine:
                    byte_quota.close()
                    byte_quota.close()  # again changes nothing
                mine.clear()
            elif total + size > 100:
                with pytest.raises(TooManyBytes):
                    ByteQuota(byte_quotas, caller).reserve(size)
            else:
                byte_quota = ByteQuota(byte_quotas, caller)
                byte_quota.reserve(size)
                mine.append((byte_quota, size))
            now = {name: sum(b for _, b in mine) for name, mine in held.items() if mine}
            assert {
                name: account.held_bytes for name, account in byte_quotas.downloads.items()
            } == now


def test_counting_leaves_no_task_behind():
    async def run() -> set[asyncio.Task[object]]:
        rate_limiter = RateLimiter(parse_many("5/hour"))
        for _ in range(3):
            await rate_limiter.take("a")
        await asyncio.sleep(0.05)
        return asyncio.all_tasks() - {asyncio.current_task()}

    with start_blocking_portal() as portal:
        assert {t for t in portal.call(run) if "limits" in repr(t.get_coro())} == set()
