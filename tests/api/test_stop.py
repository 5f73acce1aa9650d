"""A server that is told to stop ends what runs, refuses what comes, and exits with 0; told twice,
it ends at once.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.api.asking import GRU, Call, Served, make, server_process

LARGE: Mapping[str, Any] = {"rnn_type": "lstm", "input_size": 2048, "hidden_size": 2048}
SOON_S = 20


@contextmanager
def stalled_download(**settings: Any) -> Iterator[tuple[Served, Call, int, bytes]]:
    """Return a server with a large download that nobody reads on, the length of that, and what came
    of it.
    """
    with (
        server_process(**settings) as served,
        Call.post(served.url, LARGE, receive_buffer_bytes=64 << 10) as call,
    ):
        _, headers, body = call.read_head()
        yield served, call, int(headers["content-length"]), body


@dataclass(frozen=True, slots=True)
class Seen:
    """What clients see of a server that was told to stop while a download goes on."""

    ready: httpx.Response
    live: httpx.Response
    new: httpx.Response
    file: bytes
    exit_status: int


@pytest.fixture(scope="module")
def seen() -> Seen:
    """Tell a server to stop, and look."""
    with stalled_download() as (served, call, _, body):
        served.process.send_signal(signal.SIGTERM)
        wait_until_unready(served)
        ready, live = (httpx.get(f"{served.url}/healthz/{name}") for name in ("ready", "live"))
        new = httpx.post(f"{served.url}/v1/checkpoints", json=GRU)
        file = body + b"".join(call.read_rest())
        return Seen(ready, live, new, file, served.process.wait(timeout=SOON_S))


def wait_until_unready(served: Served) -> None:
    """Wait until a signal that was sent has arrived."""
    while httpx.get(f"{served.url}/healthz/ready").status_code == 200:
        pass


class TestTheFirstSignal:
    def test_turns_readiness_off_and_leaves_it_alive(self, seen: Seen):
        assert (seen.ready.status_code, seen.ready.json()["code"]) == (503, "not_ready")
        assert "shutting down" in seen.ready.json()["detail"]
        assert seen.live.status_code == 200

    def test_refuses_new_checkpoints_and_says_when_to_ask_again(self, seen: Seen):
        assert (seen.new.status_code, seen.new.json()["code"]) == (503, "not_ready")
        assert seen.new.headers["retry-after"] == "1"

    def test_lets_what_runs_end_and_exits_with_0(self, seen: Seen, client: httpx.Client):
        assert seen.file == make(client, LARGE).content
        assert seen.exit_status == 0


@pytest.mark.slow
def test_what_outlasts_the_grace_is_cut_and_the_server_exits_with_0():
    with stalled_download(shutdown_grace_s=1) as (served, call, length, body):
        served.process.send_signal(signal.SIGTERM)

        assert served.process.wait(timeout=SOON_S) == 0
        assert len(body) + sum(len(part) for part in call.read_rest()) < length


def test_a_second_signal_ends_it_at_once():
    with stalled_download(shutdown_grace_s=600) as (served, _, _, _):
        served.process.send_signal(signal.SIGTERM)
        wait_until_unready(served)
        served.process.send_signal(signal.SIGTERM)

        assert served.process.wait(timeout=SOON_S) == 128 + signal.SIGTERM
