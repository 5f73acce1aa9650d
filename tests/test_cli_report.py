"""`stepzero report`: what it writes, here and from a server, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import stepzero_rnn
from tests.reports.reading import Page, require_svg
from tests.test_cli import GRU, GRU_SPEC, run

SHORT = ("--seq-len", "12", "--level", "quick")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_suffix_decides_the_format(here: Path) -> None:
    result = run("report", *GRU, *SHORT, "-o", "start.svg")

    assert result.exit_code == 0, result.output
    made = (here / "start.svg").read_bytes()
    assert result.stdout.splitlines() == ["start.svg", f"{len(made):,} bytes"]
    assert made == stepzero_rnn.report(GRU_SPEC, format="svg", seq_len=12, level="quick")


def test_without_an_output_it_is_a_page_named_after_the_recipe(here: Path) -> None:
    run("report", *GRU, *SHORT)

    (file,) = here.iterdir()
    assert file.name.startswith("gru-10x20-r")
    assert file.name.endswith("-report.html")


def test_several_specs_are_compared_and_options_override_their_fields(here: Path) -> None:
    (here / "a.json").write_text(json.dumps(GRU_SPEC))
    token = stepzero_rnn.plan({**GRU_SPEC, "init": "orthogonal"}).recipe
    link = f"http://localhost:8000/v1/checkpoints/{token}/gru.pt"
    result = run("report", "a.json", token, link, "--seed", "4", *SHORT, "-o", "all.html")

    assert result.exit_code == 0, result.output
    text = Page((here / "all.html").read_bytes()).text
    assert "Comparison of 3 starts" in text
    assert stepzero_rnn.plan({**GRU_SPEC, "seed": 4}).recipe in text


def test_a_pipe_gets_the_file() -> None:
    command = [sys.executable, "-m", "stepzero_rnn", "report", *GRU, *SHORT]
    made = subprocess.run(
        [*command, "-o", "-", "--format", "svg"], capture_output=True, check=True
    ).stdout

    require_svg(made)


def test_a_server_makes_the_same(here: Path, server_url: str) -> None:
    options = (*GRU, *SHORT, "--format", "svg")
    there = run("report", *options, "-o", "there.svg", "--server", server_url)
    run("report", *options, "-o", "here.svg")

    assert there.exit_code == 0, there.output
    assert (here / "there.svg").read_bytes() == (here / "here.svg").read_bytes()


def test_a_file_is_only_replaced_by_force(here: Path) -> None:
    (here / "x.svg").write_text("mine")

    refused = run("report", *GRU, *SHORT, "-o", "x.svg")
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert (here / "x.svg").read_text() == "mine"
    assert run("report", *GRU, *SHORT, "-o", "x.svg", "--force").exit_code == 0
    require_svg((here / "x.svg").read_bytes())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*GRU, "-o", "x.gif"), "Available: html, svg, png, pdf"),
        ((*GRU, "-o", "x.svg", "--format", "pdf"), "--format is pdf"),
        (("none.json",), "none.json: No such file"),
        (("nonsense",), "recipe is not valid"),
        (("{}", "--recipe", "1.x"), "Use either SPEC arguments"),
        ((*GRU, "--seq-len", "0"), "--seq-len"),
        ((), "--rnn-type"),
    ],
)
def test_wrong_use_is_refused(here: Path, arguments: tuple[str, ...], said: str) -> None:
    result = run("report", *arguments)

    assert result.exit_code == 2, result.output
    assert said in result.stderr


def test_starts_of_different_networks_are_refused(here: Path) -> None:
    (here / "a.json").write_text(json.dumps(GRU_SPEC))
    (here / "b.json").write_text(json.dumps({**GRU_SPEC, "hidden_size": 9}))

    result = run("report", "a.json", "b.json")

    assert result.exit_code == 2
    assert "hidden_size" in result.stderr
    assert not [file for file in here.iterdir() if file.suffix == ".html"]


def test_without_matplotlib_the_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        f"from stepzero_rnn.cli import cli; cli({['report', *GRU, *SHORT, '-o', '-']!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "pip install 'stepzero-rnn[report]'" in done.stderr
