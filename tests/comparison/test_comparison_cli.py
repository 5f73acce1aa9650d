"""`stepzero compare` and `recommend`: tables, JSON, CSV, and refusals by option."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from stepzero_rnn.cli import cli
from tests.comparison.asking import GRU, TWO, WRONG, WRONG_CANDIDATES, WRONG_STARTS

NETWORK = ("-t", "gru", "--input-size", "2", "--hidden-size", "8")
QUICK = ("--level", "quick", "--seq-len", "12", "--seeds", "0,3")
STARTS = ("--start", "keras", "--start", 'long memory={"bias": {"scheme": "chrono", "t_max": 9}}')
LABELS = ["keras", "long memory"]


def run(*args: str, stdin: Any = None) -> Result:
    text = None if stdin is None else json.dumps(stdin)
    return CliRunner().invoke(cli, args, input=text, env={"COLUMNS": "200"})


def test_a_comparison_is_a_table_with_findings() -> None:
    result = run("compare", *NETWORK, *QUICK, *STARTS)

    assert result.exit_code == 0, result.output
    for label in LABELS:
        assert label in result.stdout
    assert "echo 12" in result.stdout
    assert "seeds 0, 3" in result.stdout


def test_a_comparison_is_json_or_csv_as_requested() -> None:
    as_json = run("compare", *NETWORK, *QUICK, *STARTS, "--json")
    as_csv = run("compare", *NETWORK, *QUICK, *STARTS, "--csv")

    assert [row["label"] for row in json.loads(as_json.stdout)["rows"]] == LABELS
    assert [row["label"] for row in csv.DictReader(io.StringIO(as_csv.stdout))] == LABELS
    assert run("compare", *NETWORK, *STARTS, "--json", "--csv").exit_code == 2


@pytest.mark.parametrize("source", ["-", "@-"])
def test_a_request_is_read_from_stdin_and_options_override_it(source: str) -> None:
    request = {"network": dict(GRU), "starts": TWO, "seeds": [7], "level": "quick", "seq_len": 30}
    result = run(
        "compare", source, "--seq-len", "10", "--hidden-size", "4", "--json", stdin=request
    )

    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert (document["seq_len"], document["seeds"]) == (10, [7])
    assert [row["label"] for row in document["rows"]] == [start["label"] for start in TWO]


def test_a_recommendation_says_what_to_try() -> None:
    options = (
        "--init",
        "orthogonal",
        "--exclude",
        "chrono 10 L",
        "--include",
        "zeros=kaiming_normal",
    )
    result = run("recommend", *NETWORK, *QUICK, *options)

    assert result.exit_code == 0, result.output
    assert result.stdout.count("\ntry ") == 3
    assert "init" in result.stdout
    assert "zeros" in result.stdout
    assert "chrono 10 L" not in result.stdout


def test_a_recommendation_is_json_on_request_and_what_is_left_out_is_shown() -> None:
    options = (*NETWORK, *QUICK, "--max-seconds", "1e-9")
    document = json.loads(run("recommend", *options, "--json").stdout)

    assert len(document["candidates"]) == 1
    assert len(document["omitted"]) == 9
    assert "Not measured: keras." in run("recommend", *options).stdout


def test_a_server_is_used_as_requested(server_url: str) -> None:
    compared = run("compare", *NETWORK, *QUICK, *STARTS, "--json", "--server", server_url)
    ranked = run("recommend", *NETWORK, *QUICK, "--json", "--server", server_url)

    assert [row["label"] for row in json.loads(compared.stdout)["rows"]] == LABELS
    assert len(json.loads(ranked.stdout)["candidates"]) == 10


@pytest.mark.parametrize("command", ["compare", "recommend"])
def test_every_wrong_request_is_refused_with_its_place(command: str) -> None:
    cases: Mapping[str, Any] = WRONG | (WRONG_STARTS if command == "compare" else WRONG_CANDIDATES)
    base = {"starts": TWO} if command == "compare" else {}
    for fields, pointer, _ in cases.values():
        result = run(command, "-", stdin={"network": dict(GRU), **base, **fields})

        assert result.exit_code == 2, result.output
        assert f"-: {pointer}: " in result.stderr.replace("~1", "/")


@pytest.mark.parametrize(
    ("args", "place"),
    [
        (("compare", *NETWORK), "--start: "),
        (("compare", *NETWORK, "--start", "keras"), "--start: "),
        (("compare", *NETWORK, *STARTS, "--start", "a=np_rnn"), "--start a: "),
        (
            ("compare", *NETWORK, *STARTS, "--start", 'a={"weight_hh": "np_rnn"}'),
            "--start a /weight_hh: ",
        ),
        (("compare", *NETWORK, *STARTS, "--start", "keras=haiku"), "--start keras: "),
        (("compare", *STARTS), "--hidden-size: "),
        (("compare", *NETWORK, *STARTS, "--seeds", "1,x"), "--seeds /1: "),
        (("compare", *NETWORK, *STARTS, "--seeds", "1,1"), "--seeds /1: "),
        (("compare", *NETWORK, *STARTS, "--start", '{"bias": "ugi"}'), "LABEL=INIT"),
        (("compare", *NETWORK, *STARTS, "--start", "=keras"), "LABEL=INIT"),
        (("compare", *NETWORK, *STARTS, "--start", "a={"), "--start a"),
        (("compare", "/no/such/file.json"), "/no/such/file.json"),
        (("recommend", *NETWORK, "--exclude", "kers"), "--exclude kers: did you mean 'keras'?"),
        (("recommend", *NETWORK, "--init", "np_rnn"), "--init: "),
        (("recommend", *NETWORK, "--include", "keras=haiku"), "--include keras: "),
        (("recommend", *NETWORK, "--max-seconds", "0"), "--max-seconds: "),
        (
            ("recommend", *NETWORK, "--seq-len", "4", "--dependency-length", "5"),
            "--dependency-length: ",
        ),
    ],
)
def test_a_wrong_option_is_named(args: tuple[str, ...], place: str) -> None:
    result = run(*args)

    assert result.exit_code == 2, result.output
    assert place in result.stderr
    assert "Traceback" not in result.output
