"""Diagnostics as a whole: options, devices, stopping, and what they leave alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import stepzero_rnn
from stepzero_rnn.diagnostics.cost import affordable, cost
from stepzero_rnn.diagnostics.measuring.diagnose import diagnose
from stepzero_rnn.diagnostics.options import FIGURES, LEVELS, DiagnosticsOptions
from stepzero_rnn.engine.draw import Sampler
from stepzero_rnn.engine.thread_pool import Stop, Stopped, ThreadPool
from stepzero_rnn.plan import plan
from stepzero_rnn.spec.recipe import as_spec
from tests.diagnostics.networks import NETWORKS, figures, spec_of


@pytest.mark.parametrize("name", NETWORKS)
def test_a_start_has_the_same_figures_every_time_and_on_any_number_of_threads(name: str) -> None:
    recipe = as_spec(spec_of(name))
    options = DiagnosticsOptions(seq_len=20, figures=FIGURES)
    found = []
    for threads in (1, 2, 2):
        with ThreadPool(threads) as workers:
            sampler = Sampler(recipe.seed, workers)
            found.append(diagnose(plan(recipe), sampler, options, torch.device("cpu")))
    first, *others = found

    for other in others:
        assert other.score == pytest.approx(first.score, abs=1e-3)
        assert other.weights == first.weights
        assert [f.name for f in other.findings] == [f.name for f in first.findings]


def test_all_starts_see_the_same_inputs_and_their_seeds_change_weights_alone() -> None:
    one = figures({**spec_of("gru"), "init": "zeros", "seed": 1, "accept_dead": True}, seq_len=10)
    other = figures({**spec_of("gru"), "init": "zeros", "seed": 2, "accept_dead": True}, seq_len=10)

    assert one.echo == other.echo
    assert one.gradient == other.gradient


def test_levels_measure_more_and_cost_more_in_this_order() -> None:
    planned = plan(as_spec({"rnn_type": "lstm", "input_size": 64, "hidden_size": 256}))
    costs = [cost(planned, DiagnosticsOptions(level=level)) for level in LEVELS]

    assert [*LEVELS] == ["quick", "standard", "full"]
    assert [one.multiply_adds for one in costs] == sorted(one.multiply_adds for one in costs)
    assert [one.working_bytes for one in costs] == sorted(one.working_bytes for one in costs)


def test_what_a_level_leaves_out_is_said_and_can_be_asked_for() -> None:
    planned = plan(as_spec({"rnn_type": "lstm", "input_size": 8, "hidden_size": 1024}))
    figures, omitted = affordable(planned, DiagnosticsOptions())

    assert [one.figure for one in omitted] == ["spectra"]
    assert all("`figures`" in one.reason for one in omitted)
    assert {*figures} == {*FIGURES} - {"spectra"}
    assert affordable(planned, DiagnosticsOptions(figures=("spectra",))) == (("spectra",), [])
    assert affordable(planned, DiagnosticsOptions(level="full")) == (FIGURES, [])


def test_work_that_nobody_waits_for_ends() -> None:
    recipe = as_spec(spec_of("deep"))
    stop = Stop()
    stop.set()
    with ThreadPool(1) as workers:
        sampler = Sampler(0, workers, stop)
        with pytest.raises(Stopped):
            diagnose(plan(recipe), sampler, DiagnosticsOptions(), torch.device("cpu"))


def test_uploaded_arrays_are_diagnosed_like_drawn_ones(tmp_path: Any) -> None:
    spec = spec_of("gru")
    drawn = stepzero_rnn.state_dict(spec)
    mine = stepzero_rnn.with_arrays(spec, drawn)

    assert figures(mine).score == figures(spec).score  # type: ignore[arg-type]


def test_inputs_may_be_an_array_or_a_file(tmp_path: Any) -> None:
    x = np.random.default_rng(0).standard_normal((9, 40, 2))
    file = tmp_path / "x.npy"
    np.save(file, np.asfortranarray(x))

    assert figures(spec_of("lstm"), inputs=x).score == figures(spec_of("lstm"), inputs=file).score


@pytest.mark.parametrize("name", NETWORKS)
def test_one_step_one_unit_and_one_input_are_enough(name: str) -> None:
    spec = {**spec_of(name), "input_size": 1, "hidden_size": 2 if "proj" in name else 1}
    spec |= {"proj_size": 1} if "proj" in name else {}
    spec["init"] = "pytorch"
    found = stepzero_rnn.diagnose(spec, seq_len=1)

    assert found.dependency_length == 1
    assert found.score is not None


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("name", NETWORKS)
def test_a_gpu_measures_what_a_cpu_does(name: str) -> None:
    spec = spec_of(name)
    here, there = (figures(spec, device=device, figures=FIGURES) for device in ("cpu", "cuda"))

    assert there.device.startswith("cuda")
    assert there.score == pytest.approx(here.score, abs=0.01)
    assert there.weights == here.weights
