"""What the log says of a request, and what it keeps to itself."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import time
from typing import Any

import httpx
import pytest

from app.runtime.logs import formatter, log_config
from app.settings import LogFormat, Settings
from tests.api.asking import GRU, LSTM, Call, describe, make

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
WAIT_S = 20
_SERVE = """
import os
from app.runtime.logs import log_config
from app.runtime.server import serve
from stepzero_rnn.pipeline.factory import Factory
from app.settings import Settings

check = Factory.check
def failing(self, order, stop):
    if order.spec.seed == 666:
        raise RuntimeError("broken\\nby /secret/path")
    return check(self, order, stop)
Factory.check = failing
serve(Settings(port=0))
"""


@pytest.fixture(scope="module")
def lines() -> list[dict[str, Any]]:
    """What a server that is asked a bit of everything says, line by line, until it has stopped."""
    command = [sys.executable, "-c", _SERVE]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        found = re.search(r"http://[0-9.]+:\d+", process.stdout.readline())
        assert found is not None
        ask(found[0])
        process.terminate()
        _, said = process.communicate()
    return [json.loads(line) for line in said.splitlines()]


def ask(url: str) -> None:
    """Ask a bit of everything; every request names itself."""

    def named(name: str) -> dict[str, str]:
        return {"X-Request-ID": name, "Authorization": "Bearer sesame", "Cookie": "sesame"}

    with httpx.Client(base_url=url, timeout=60) as client:
        client.headers["X-API-Key"] = "sesame"
        while client.get("/healthz/ready", headers=named("probe")).status_code != 200:
            time.sleep(0.05)
        client.get("/metrics", headers=named("scrape"))
        traced = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
        client.post("/v1/checkpoints", json=GRU, headers=named("file") | traced)
        client.post("/v1/checkpoints", json={}, headers=named("refusal"))
        client.post("/v1/checkpoints", json={**GRU, "seed": 666}, headers=named("fault"))
        client.get("/%0a%1b[31mforged?key=sesame", headers=named("forger"))


def one(lines: list[dict[str, Any]], request_id: str) -> dict[str, Any]:
    """Return the one line of a request."""
    (found,) = (
        line
        for line in lines
        if line["logger"] == "stepzero.request" and line["request_id"] == request_id
    )
    return found


class TestTheLog:
    def test_is_one_json_object_a_line_the_servers_own_words_too(
        self, lines: list[dict[str, Any]]
    ) -> None:
        assert all({"timestamp", "level", "logger", "message"} <= set(line) for line in lines)
        assert any("Started server process" in line["message"] for line in lines)
        assert "color_message" not in str(lines)

    def test_has_one_line_for_a_file_with_all_that_it_took(
        self, lines: list[dict[str, Any]], client: httpx.Client
    ) -> None:
        line = one(lines, "file")

        assert line["recipe"] == describe(client, GRU)["digest"]
        assert line["bytes"] == len(make(client, GRU).content)
        assert (line["route"], line["status"]) == ("POST /v1/checkpoints", 200)
        assert (line["outcome"], line["level"], line["device"]) == ("served", "info", "cpu")
        assert line["client"] == "127.0.0.1"
        assert line["trace_id"] == TRACE
        for stage in ("check_s", "draw_s", "stream_s", "first_byte_s"):
            assert 0 < line[stage] <= line["seconds"]

    def test_tells_the_code_of_a_refusal(self, lines: list[dict[str, Any]]) -> None:
        line = one(lines, "refusal")

        assert (line["status"], line["outcome"], line["code"]) == (422, "refused", "invalid_spec")
        assert not {"recipe", "device", "key", "trace_id"} & set(line)

    def test_tells_a_fault_under_its_request_with_the_traceback(
        self, lines: list[dict[str, Any]]
    ) -> None:
        (fault,) = (line for line in lines if "exception" in line)

        assert (fault["request_id"], fault["level"]) == ("fault", "error")
        assert "RuntimeError: broken\nby /secret/path" in fault["exception"]
        assert (one(lines, "fault")["outcome"], one(lines, "fault")["level"]) == ("failed", "error")

    def test_is_silent_about_probes_that_go_well(self, lines: list[dict[str, Any]]) -> None:
        assert [x for x in lines if x.get("request_id") == "probe" and x["status"] == 200] == []
        assert [x for x in lines if x.get("request_id") == "scrape"] == []

    def test_holds_no_secret_and_no_word_of_a_callers_address(
        self, lines: list[dict[str, Any]]
    ) -> None:
        said = json.dumps(lines)

        assert one(lines, "forger")["route"] == "other"
        assert "sesame" not in said
        assert "forged" not in said


@pytest.mark.parametrize("how", ["json", "console"])
def test_nothing_that_is_said_breaks_a_line_or_drives_a_terminal(how: LogFormat) -> None:
    record = logging.makeLogRecord(
        {"name": "x", "levelname": "INFO", "msg": "two\nlines", "key": "\x1b[31mred\r\n\u2028"}
    )

    assert formatter(how).format(record).isprintable()


@pytest.mark.parametrize(("terminal", "how"), [(True, "console"), (False, "json")])
def test_is_for_people_on_a_terminal_alone_unless_set(
    terminal: bool, how: LogFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)

    assert log_config(Settings())["formatters"]["lines"]["how"] == how
    for fixed in ("console", "json"):
        config = log_config(Settings(log_format=fixed))
        assert config["formatters"]["lines"]["how"] == fixed


def test_the_level_is_that_of_the_settings() -> None:
    config = log_config(Settings(log_level="error"))

    assert {logger["level"] for logger in config["loggers"].values()} == {"ERROR"}


class TestARequestId:
    def test_is_taken_from_the_caller(self, client: httpx.Client) -> None:
        answer = client.get("/v1", headers={"X-Request-ID": "mine-1"})

        assert answer.headers["X-Request-ID"] == "mine-1"

    @pytest.mark.parametrize("given", ["", "a b", "a" * 129, "ü", "<script>"])
    def test_is_made_where_the_callers_is_none(self, given: str, client: httpx.Client) -> None:
        answer = client.get("/v1", headers=[(b"X-Request-ID", given.encode())])

        assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-ID"])


class TestATrace:
    @pytest.mark.parametrize("version", ["00", "01"])
    def test_is_carried_on_under_a_step_of_our_own(
        self, version: str, client: httpx.Client
    ) -> None:
        given = f"{version}-{TRACE}-00f067aa0ba902b7-01"
        answer = client.get("/v1", headers={"traceparent": given})
        found = re.fullmatch(f"00-{TRACE}-([0-9a-f]{{16}})-01", answer.headers["traceresponse"])

        assert found is not None
        assert found[1] != "00f067aa0ba902b7"

    @pytest.mark.parametrize(
        "given",
        [
            f"ff-{TRACE}-00f067aa0ba902b7-01",
            f"00-{TRACE}-00f067aa0ba902b7-01-more",
            f"00-{TRACE}-{'0' * 16}-01",
            f"00-{'0' * 32}-00f067aa0ba902b7-01",
            f"00-{TRACE.upper()}-00f067aa0ba902b7-01",
            "nonsense",
        ],
    )
    def test_that_is_none_is_passed_over(self, given: str, client: httpx.Client) -> None:
        assert "traceresponse" not in client.get("/v1", headers={"traceparent": given}).headers

    def test_given_twice_is_none(self, client: httpx.Client) -> None:
        twice = [("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01")] * 2

        assert "traceresponse" not in client.get("/v1", headers=twice).headers


def test_a_client_that_leaves_is_told_as_aborted(
    server_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "stepzero.request")
    with Call.post(
        server_url, {**LSTM, "hidden_size": 1500, "num_layers": 4}, receive_buffer_bytes=4096
    ) as call:
        call.read_head()
    until = time.monotonic() + WAIT_S
    while not (ended := [r for r in caplog.records if vars(r).get("outcome") == "aborted"]):
        assert time.monotonic() < until
        time.sleep(0.01)

    assert 0 < vars(ended[0])["bytes"] < 4 * 1500 * 1500 * 4 * 7
