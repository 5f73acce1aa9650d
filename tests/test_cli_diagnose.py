"""`stepzero diagnose`: what it prints, here and from a server, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import stepzero_rnn
from tests.test_cli import GRU, GRU_SPEC, run


def diagnosed(*args: str) -> dict[str, Any]:
    """Return what `diagnose --json` prints."""
    result = run("diagnose", *args, "--json")
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def test_it_says_first_what_the_figures_mean_and_what_to_try() -> None:
    result = run("diagnose", *GRU, "--seq-len", "300", "--level", "quick")

    assert result.exit_code == 0
    first, second, *_ = result.stdout.splitlines()
    assert first.startswith("Score -")
    assert "300 steps" in first
    assert second.startswith("error: vanishing_gradient")
    assert "try chrono L: --init '" in result.stdout


def test_what_it_suggests_can_be_given_back() -> None:
    found = diagnosed(*GRU, "--seq-len", "300", "--level", "quick")
    suggestion = found["findings"][0]["suggestions"][0]

    better = diagnosed(*GRU, "--seq-len", "300", "--init", json.dumps(suggestion["init"]))

    assert better["recipe"] == suggestion["recipe"]
    assert better["score"] > found["score"]


def test_every_figure_has_a_part_of_the_report() -> None:
    report = run("diagnose", *GRU, "--seq-len", "20").stdout

    for word in ("Echo:", "Gradient:", "rms of h", "Memory", "Weights: all", "stable rank"):
        assert word in report


def test_the_options_are_those_of_the_library(tmp_path: Path) -> None:
    x = np.random.default_rng(0).standard_normal((12, 40, 10)).astype(np.float32)
    file = tmp_path / "x.npy"
    np.save(file, x)
    drawn = diagnosed(*GRU, "--seq-len", "40", "--dependency-length", "9", "--figures", "echo")
    given = diagnosed(*GRU, "--inputs", str(file))

    assert drawn["echo"]["lags"].keys() == {"9", "4", "3"}
    assert drawn["gradient"] is None
    assert given["score"] == pytest.approx(
        stepzero_rnn.diagnose(GRU_SPEC, inputs=x).score, abs=1e-4
    )


def test_a_server_measures_the_same(server_url: str) -> None:
    here = diagnosed(*GRU, "--seq-len", "30")
    there = diagnosed(*GRU, "--seq-len", "30", "--server", server_url)

    assert there["score"] == pytest.approx(here["score"], abs=1e-4)
    assert there["weights"] == here["weights"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--seq-len", "0"), "--seq-len: Input should be greater than or equal to 1"),
        (("--seq-len", "9", "--dependency-length", "10"), "--dependency-length: dependency_length"),
        (("--figures", "echo,loss"), "--figures /1: 'loss' is unknown"),
        (("--layer", "3"), "--layer: the network has 1 layers"),
    ],
)
def test_wrong_options_are_named_as_options(options: tuple[str, ...], message: str) -> None:
    result = run("diagnose", *GRU, *options)

    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_inputs_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.npy"
    np.save(file, np.zeros((3, 4, 5), np.float32))
    wrong = run("diagnose", *GRU, "--inputs", str(file))
    none = run("diagnose", *GRU, "--inputs", str(tmp_path / "none.npy"))

    assert wrong.exit_code == 2
    assert "--inputs: the inputs must have the shape" in wrong.stderr
    assert none.exit_code == 2
