"""A background task continues after a failure."""

from __future__ import annotations

import asyncio
import logging

import pytest

from app.telemetry.periodic import keep
from tests.own_loop import run


def test_what_fails_is_done_again_and_its_first_failure_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    done: list[int] = []

    async def work() -> None:
        done.append(len(done))
        if len(done) == 6:
            raise asyncio.CancelledError
        if len(done) in {1, 2, 4}:
            raise RuntimeError("can't start new thread")

    async def keep_until_cancelled() -> None:
        with pytest.raises(asyncio.CancelledError):
            await keep(work, every_s=0)

    with caplog.at_level(logging.ERROR):
        run(keep_until_cancelled)

    assert len(done) == 6
    assert [record.getMessage() for record in caplog.records] == [
        "a background task failed; it will run again"
    ] * 2
