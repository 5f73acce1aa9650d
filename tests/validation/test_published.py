"""What the library and its pages say about the validation is what the results say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from stepzero_rnn.diagnostics.evidence import evidence_of, recommendation_evidence
from stepzero_rnn.diagnostics.rules import RULES
from stepzero_rnn.diagnostics.validity import VALIDATED_LAYERS
from validation.__main__ import validate
from validation.groups import SHORT, Group
from validation.plots import PLOTS
from validation.publish import DATA, PAGE, published, texts
from validation.results import PUBLISHED, load, path_of
from validation.tables import TABLES

ROOT = Path(__file__).parents[2]
FILES = (DATA, PAGE, *(PAGE.with_name(name) for name in PLOTS))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_data_tables_and_plots_agree_with_the_results(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == texts(published())[path], (
        "run python -m validation.publish"
    )


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_is_well_formed(name: str) -> None:
    assert ElementTree.parse(PAGE.with_name(name)).getroot().tag.endswith("svg")  # noqa: S314


@pytest.mark.parametrize("table", TABLES)
def test_the_page_has_every_table(table: str) -> None:
    assert f"<!-- table: {table} -->" in PAGE.read_text(encoding="utf-8")


def test_every_group_of_the_short_set_has_results_with_figures() -> None:
    for group in SHORT:
        starts = load(group, PUBLISHED)["starts"]

        assert len(starts) == 16
        assert all(row["figures"] for row in starts.values())


def test_results_are_small() -> None:
    assert sum(path.stat().st_size for path in PUBLISHED.glob("*.json")) < 1 << 20


@pytest.mark.parametrize("name", [rule.name for rule in RULES])
def test_the_evidence_of_a_finding_quotes_the_results(name: str) -> None:
    found = json.loads(DATA.read_text(encoding="utf-8"))
    rates = found["findings"][name]

    text = evidence_of(name)

    assert text
    assert f"{rates['flagged']} of {found['starts']} starts" in text
    assert f"{rates['in_best_quarter']} of the {found['in_best_quarter']} best" in text


def test_networks_count_as_validated_up_to_the_depth_that_was_trained() -> None:
    assert json.loads(DATA.read_text(encoding="utf-8"))["layers"][-1] == VALIDATED_LAYERS


def test_a_finding_outside_the_validation_has_no_evidence() -> None:
    assert evidence_of("not_as_expected") is None


def test_the_evidence_of_recommendations_quotes_the_results() -> None:
    rates = json.loads(DATA.read_text(encoding="utf-8"))["recommendation"]["all groups"]

    for name in ("best_of_three", "first", "pytorch", "best_of_three_random"):
        assert f"{rates[name]:.0%}".replace("%", " %") in recommendation_evidence()


@pytest.mark.slow
def test_a_group_is_trained_measured_and_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    group = Group("tanh", "local", 6, 60, hidden_size=8)

    validate([group], tmp_path)

    starts = load(group, tmp_path)["starts"]
    assert path_of(group, tmp_path).exists()
    assert all(len(values) == 3 for row in starts.values() for values in row["figures"].values())
    assert group.name in capsys.readouterr().out


def test_the_command_says_what_it_does() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "validation", "--help"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "--all" in done.stdout
