"""A session over the processes of a server: any worker knows it, and no log has it."""

from __future__ import annotations

import signal
from typing import NamedTuple

import httpx
import pytest

from app.callers.api_keys import new_key
from app.callers.sessions import COOKIE
from tests.api.asking import GRU, server_process

KEY, KEPT = new_key("ci")
WRONG, _ = new_key("ci")
STARTS = 24  # each on a new connection, which either worker may take


class Told(NamedTuple):
    """What two workers answered to sessions of either, and said about it."""

    statuses: list[int]
    sessions: list[str]
    workers: int
    said: str


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Sign in, use each session on a connection of its own, and stop the server."""
    folder = tmp_path_factory.mktemp("session")
    keys, log = folder / "keys", folder / "log"
    keys.write_text(KEPT.line)
    redirected = f"import os\nos.dup2(os.open({str(log)!r}, os.O_CREAT | os.O_WRONLY), 2)\n"
    settings = {"api_keys_file": str(keys), "log_level": "debug", "log_format": "json"}
    with server_process(redirected, workers=2, threads=2, **settings) as served:
        sessions = [_signed_in(served.url) for _ in range(STARTS)]
        statuses = [_status(served.url, session) for session in sessions]
        _misuse(served.url, sessions[0])
        served.process.send_signal(signal.SIGTERM)
        printed, _ = served.process.communicate(timeout=60)
    said = log.read_text() + printed
    pids = {line for line in said.splitlines() if "Started server process" in line}
    return Told(statuses, sessions, len(pids), said)


def _signed_in(url: str) -> str:
    answer = httpx.post(f"{url}/v1/session", headers={"X-API-Key": KEY})
    answer.raise_for_status()
    return answer.cookies[COOKIE]


def _status(url: str, session: str) -> int:
    return httpx.get(f"{url}/v1", cookies={COOKIE: session}).status_code


def _misuse(url: str, session: str) -> None:
    """Be refused in every way in which a key or a session can be."""
    cookies = {COOKIE: session}
    httpx.post(f"{url}/v1/plan", json=GRU, cookies=cookies)
    httpx.post(f"{url}/v1/session", headers={"X-API-Key": WRONG})
    httpx.post(f"{url}/v1/plan", json={}, cookies=cookies, headers={"Origin": url})
    httpx.get(f"{url}/v1", cookies={COOKIE: session + "0"})
    httpx.get(f"{url}/nope", cookies=cookies)
    httpx.delete(f"{url}/v1/session", cookies=cookies, headers={"Origin": url})


def test_every_worker_knows_the_sessions_of_the_others(told: Told):
    assert told.workers == 2
    assert told.statuses == [200] * STARTS


def test_the_log_has_neither_key_nor_session(told: Told):
    assert '"key": "ci"' in told.said
    assert "POST /v1/session" in told.said
    for session in told.sessions:
        assert session.rpartition(".")[2] not in told.said
    for secret in (KEY, WRONG, KEPT.sha256.hex(), COOKIE):
        assert secret not in told.said
