"""The dashboard and the alerts: they name what there is at /metrics, and say what they are meant
to.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.telemetry.request_stats import OUTCOMES, STAGES
from stepzero_rnn.errors import BY_CODE
from tests.api.asking import GRU, free_port, make, server_process
from tests.service.counting import counted

FOLDER = Path(__file__).parents[1] / "docker/observability"
DASHBOARD: dict[str, Any] = json.loads(
    (FOLDER / "grafana/dashboards/stepzero.json").read_text(encoding="utf-8")
)
ALERTS = (FOLDER / "alerts.yml").read_text(encoding="utf-8")
EXPRESSIONS = [
    *(target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]),
    *re.findall(r"^ +expr: (.*)$", ALERTS, re.MULTILINE),
]
PROMTOOL = shutil.which("promtool") or ""
NEEDS_PROMTOOL = pytest.mark.skipif(
    not PROMTOOL, reason="no promtool here; on Debian and Ubuntu it comes with prometheus"
)

PROMETHEUS = shutil.which("prometheus") or ""
LARGE = {"rnn_type": "lstm", "input_size": 512, "hidden_size": 512}
SOON_S = 30


def test_every_metric_that_is_named_is_there(client: httpx.Client) -> None:
    make(client, GRU)
    there = {name.partition("{")[0] for name in counted(client.get("/metrics").text)}
    named = {n for text in EXPRESSIONS for n in re.findall(r"\b(?:stepzero|process)_\w+", text)}

    assert len(EXPRESSIONS) > 20
    assert named <= there


@pytest.mark.parametrize(
    ("label", "words"), [("outcome", OUTCOMES), ("stage", STAGES), ("code", BY_CODE)]
)
def test_every_word_that_is_looked_for_may_come(label: str, words: dict[str, object]) -> None:
    found = [x for text in EXPRESSIONS for x in re.findall(rf'{label}=~?"([^"]+)"', text)]

    assert {word for text in found for word in text.split("|")} <= set(words)


def test_every_panel_says_what_it_shows_and_in_which_unit() -> None:
    panels = DASHBOARD["panels"]

    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"]["uid"] == "${datasource}"
        assert all("$instance" in target["expr"] for target in panel["targets"])


def test_every_alert_names_where_and_how_bad() -> None:
    alerts = ALERTS.split("- alert: ")[1:]

    assert len(alerts) == 8
    for alert in alerts:
        assert re.search(r"severity: (critical|warning)", alert)
        assert "{{ $labels.instance }}" in alert


@NEEDS_PROMTOOL
@pytest.mark.parametrize(
    "command",
    [("check", "config", "prometheus.yml"), ("test", "rules", "alerts.test.yml")],
    ids=" ".join,
)
def test_promtool_agrees(command: tuple[str, ...]) -> None:
    done = subprocess.run(
        [PROMTOOL, *command], cwd=FOLDER, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


@NEEDS_PROMTOOL
def test_promtool_has_nothing_to_say_against_the_metrics(client: httpx.Client) -> None:
    make(client, GRU)
    done = subprocess.run(
        [PROMTOOL, "check", "metrics"],
        input=client.get("/metrics").text,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@contextmanager
def watched(url: str, folder: Path) -> Iterator[httpx.Client]:
    """Run Prometheus with the file that compose gives it, but looking at one server, each
    second.
    """
    text = (FOLDER / "prometheus.yml").read_text(encoding="utf-8")
    target = url.removeprefix("http://")
    found = re.sub(
        r"    dns_sd_configs:\n( +.*\n)+",
        f"    static_configs: [{{targets: ['{target}']}}]\n",
        text.replace(": 15s", ": 1s").replace("[alerts.yml]", f"['{FOLDER}/alerts.yml']"),
    )
    (folder / "prometheus.yml").write_text(found, encoding="utf-8")
    port = free_port()
    command = [
        PROMETHEUS,
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}",
    ]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    with (
        subprocess.Popen(command) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=30) as client,
    ):
        try:
            yield client
        finally:
            process.terminate()


def values(prometheus: httpx.Client, expression: str) -> list[float]:
    """Ask for what a panel shows."""
    filled = expression.replace("$instance", ".*").replace("$__rate_interval", "20s")
    try:
        answer = prometheus.get("/query", params={"query": filled})
    except httpx.TransportError:
        return []
    return [float(row["value"][1]) for row in answer.json()["data"]["result"]]


@pytest.mark.slow
@pytest.mark.skipif(not PROMETHEUS, reason="Prometheus is not installed here")
def test_every_panel_shows_something_and_no_alert_is_broken(tmp_path: Path) -> None:
    shown = [t["expr"] for panel in DASHBOARD["panels"] for t in panel["targets"]]
    with server_process(workers=2) as served, watched(served.url, tmp_path) as prometheus:
        missing, until = set(shown), time.monotonic() + SOON_S
        while missing and time.monotonic() < until:
            for spec in (GRU, LARGE, {}):  # the last is refused
                httpx.post(f"{served.url}/v1/checkpoints", json=spec, timeout=60)
            missing = {e for e in missing if not any(map(isfinite, values(prometheus, e)))}
            time.sleep(0.2)
        rules = prometheus.get("/rules").json()["data"]["groups"][0]["rules"]

    assert not missing
    assert len(rules) == 8
    assert all(rule["lastError"] == "" for rule in rules if "lastError" in rule)
