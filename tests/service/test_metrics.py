"""What is counted of a request, by one process and by several."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import get_args

import pytest

from app.telemetry.metrics import Load, Metrics
from app.telemetry.request_stats import OUTCOMES, STAGES, Outcome, RequestStats, Stage, timed
from app.telemetry.worker_folder import is_shared, shared
from stepzero_rnn.errors import BY_CODE
from tests.service.counting import counted

ROUTE = "POST /v1/checkpoints"


def stats(*ticks: float) -> RequestStats:
    """Open an account whose clock tells these times, then counts on."""
    times = iter([*ticks, *range(1000, 2000)])
    return RequestStats(clock=lambda: float(next(times)))


def shown(metrics: Metrics) -> dict[str, float]:
    """Return what is counted."""
    return counted(metrics.render().decode())


@pytest.mark.parametrize(
    ("told", "words"), [(Outcome, OUTCOMES), (Stage, STAGES)], ids=["outcome", "stage"]
)
def test_every_word_is_explained(told: object, words: dict[str, str]) -> None:
    assert get_args(told) == tuple(words)


class TestAnAccount:
    def test_adds_up_what_a_stage_takes(self) -> None:
        mine = stats(0, 1, 3, 10, 14)
        for _ in range(2):
            with mine.stage("check"):
                pass

        assert mine.seconds == {"check": 6.0}

    def test_counts_a_stage_that_fails(self) -> None:
        mine = stats(0, 1, 3)
        with pytest.raises(OSError, match="gone"), mine.stage("check"):
            raise OSError("gone")

        assert mine.seconds == {"check": 2.0}

    def test_calls_what_follows_the_first_byte_the_stream(self) -> None:
        mine = stats(0, 2, 7)
        mine.answer(None)
        mine.sent_bytes = 1

        assert mine.close() == 7
        assert (mine.first_byte_s, mine.seconds) == (2, {"stream": 5})

    def test_times_the_making_of_chunks_and_not_the_wait_for_their_reader(self) -> None:
        mine = stats(0, 1, 2, 10, 12, 20, 23)

        assert list(timed((chunk for chunk in (b"a", b"b")), mine)) == [b"a", b"b"]
        assert mine.seconds == {"draw": 1 + 2 + 3}

    def test_closes_the_chunks_with_its_own(self) -> None:
        closed = []

        def chunks() -> Iterator[bytes]:
            try:
                yield b"a"
            finally:
                closed.append(True)

        mine = timed(chunks(), RequestStats())  # type: ignore[arg-type]
        next(mine)
        mine.close()

        assert closed

    @pytest.mark.parametrize(
        ("promised", "sent", "code", "ended", "failed", "outcome"),
        [
            (10, 10, None, None, False, "served"),
            (None, 0, None, None, False, "served"),
            (10, 10, "too_large", None, False, "refused"),
            (10, 10, "internal", None, True, "failed"),
            (10, 5, None, None, False, "aborted"),
            (10, 5, None, None, True, "failed"),
            (10, 5, None, "aborted", False, "aborted"),
            (10, 5, None, "cut", True, "cut"),
        ],
    )
    def test_says_how_it_ended(
        self,
        promised: int | None,
        sent: int,
        code: str | None,
        ended: Outcome | None,
        failed: bool,
        outcome: Outcome,
    ) -> None:
        mine = RequestStats(sent_bytes=sent, code=code, ended=ended)
        mine.answer(promised)

        assert mine.outcome(failed=failed) == outcome

    def test_that_never_answered_was_aborted(self) -> None:
        assert RequestStats().outcome() == "aborted"


class TestMetrics:
    def test_count_a_request_and_all_that_it_took(self) -> None:
        metrics, mine = Metrics(), stats(0, 1, 3, 4, 9)
        metrics.begin()
        with mine.stage("check"):
            mine.device = "cuda:0"
        mine.answer(100)
        metrics.promise(mine)
        metrics.send(mine, 100)
        mine.close()
        metrics.end(ROUTE, mine, mine.outcome())
        found = shown(metrics)

        assert found[f'stepzero_requests_total{{outcome="served",route="{ROUTE}"}}'] == 1
        assert found[f'stepzero_first_byte_seconds_sum{{route="{ROUTE}"}}'] == 4
        assert found['stepzero_stage_seconds_sum{device="cuda:0",stage="check"}'] == 2
        assert found['stepzero_stage_seconds_sum{device="cuda:0",stage="stream"}'] == 5
        assert found['stepzero_sent_bytes_total{device="cuda:0"}'] == 100

    def test_owe_what_is_promised_until_it_is_sent_or_nobody_wants_it(self) -> None:
        metrics, mine = Metrics(), RequestStats()
        metrics.begin()
        mine.answer(100)
        metrics.promise(mine)
        metrics.send(mine, 30)
        between = shown(metrics)
        metrics.end(ROUTE, mine, "aborted")
        after = shown(metrics)

        assert between["stepzero_in_flight_bytes"] == 70
        assert between["stepzero_requests_in_flight"] == 1
        assert after["stepzero_in_flight_bytes"] == after["stepzero_requests_in_flight"] == 0

    def test_begin_with_a_0_what_alerts_look_at(self) -> None:
        metrics, mine = Metrics(), RequestStats()
        metrics.begin()
        metrics.end(ROUTE, mine, "served")
        found = shown(metrics)

        assert [found[f'stepzero_refusals_total{{code="{code}"}}'] for code in BY_CODE] == [
            0
        ] * len(BY_CODE)
        assert {
            outcome: found[f'stepzero_requests_total{{outcome="{outcome}",route="{ROUTE}"}}']
            for outcome in OUTCOMES
        } == {**dict.fromkeys(OUTCOMES, 0), "served": 1}

    def test_show_how_busy_the_service_is(self) -> None:
        metrics = Metrics()
        metrics.show(Load({"host": (30, 100), "cuda:0": (0, 50)}, (1, 2), 3), ready=True)
        found = shown(metrics)

        assert found["stepzero_queue_length"] == 3
        assert found['stepzero_budget_bytes{memory="host"}'] == 100
        assert found['stepzero_reserved_bytes{memory="host"}'] == 30
        assert found['stepzero_budget_bytes{memory="cuda:0"}'] == 50
        assert (found["stepzero_checks"], found["stepzero_checks_at_most"]) == (1, 2)
        assert found["stepzero_ready_processes"] == found["stepzero_processes"] == 1

    def test_of_two_applications_are_two(self) -> None:
        one, other = Metrics(), Metrics()
        one.begin()

        assert shown(other)["stepzero_requests_in_flight"] == 0

    def test_hold_as_many_series_after_many_requests_as_after_one(self) -> None:
        metrics, sizes = Metrics(), set()
        for _ in range(50):
            mine = RequestStats(code="not_found", recipe="a" * 64)
            metrics.begin()
            mine.answer(None)
            metrics.end("other", mine, "refused")
            sizes.add(len(shown(metrics)))

        assert len(sizes) == 1


_WORKER = """
import os, signal, sys
from app.telemetry.request_stats import RequestStats
from app.telemetry.metrics import Load, Metrics
metrics = Metrics()
metrics.begin()
metrics.show(Load(waiting=2), ready=True)
metrics.end("GET /v1", RequestStats(), "served")
metrics.begin()
sys.stdout.write(metrics.render().decode())
sys.stdout.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_processes_that_share_a_folder_count_together_and_forget_the_dead() -> None:
    with shared():
        texts = [
            subprocess.run(
                [sys.executable, "-c", _WORKER], capture_output=True, text=True, check=False
            ).stdout
            for _ in range(2)
        ]
    first, second = map(counted, texts)
    served = 'stepzero_requests_total{outcome="served",route="GET /v1"}'

    assert (first[served], second[served]) == (1, 2)  # what a dead process counted stays
    for text in (first, second):  # what it was doing does not
        assert text["stepzero_processes"] == text["stepzero_requests_in_flight"] == 1
        assert text["stepzero_queue_length"] == 2
    assert not is_shared()
