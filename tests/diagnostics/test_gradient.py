"""Gradient reach is what autograd and finite differences give for the real module."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import stepzero_rnn
from stepzero_rnn.diagnostics.score import reach_at
from tests.diagnostics.networks import (
    NETWORKS,
    figures,
    last_state,
    log10_jacobian,
    module_of,
    spec_of,
)

STEPS, SEQUENCES = 12, 64


def inputs(spec: dict[str, object], sequences: int = SEQUENCES) -> np.ndarray:
    rng = np.random.default_rng(7)
    return rng.standard_normal((STEPS, sequences, int(str(spec["input_size"]))), np.float32)


@pytest.mark.parametrize("name", NETWORKS)
def test_it_is_the_size_of_the_jacobian_of_the_real_module(name: str) -> None:
    spec = spec_of(name)
    x = inputs(spec)
    found = figures(spec, inputs=x, figures=["gradient"]).gradient
    exact = log10_jacobian(module_of(spec), torch.from_numpy(x).double())

    assert found is not None
    assert found.steps == [*range(STEPS)]
    # Var(vᵀAv) = 2·‖A‖²_F ≤ 2·tr(A)², so of 256 probes' mean the relative standard error is below
    # sqrt(2/256), and that of log₁₀ G below 0.02.
    assert found.log10_by_step == pytest.approx(exact.tolist(), abs=0.08)
    assert found.log10_reach == pytest.approx(reach_at(exact.tolist(), STEPS), abs=0.08)


@pytest.mark.parametrize("name", ["lstm", "gru", "tanh"])
def test_it_agrees_with_finite_differences(name: str) -> None:
    spec = spec_of(name)
    module = module_of(spec)
    x = torch.from_numpy(inputs(spec)).double()
    step, width = STEPS - 3, 1e-6
    squares = 0.0
    for feature in range(x.shape[2]):
        nudged = x.clone()
        nudged[step, :, feature] += width
        change = (last_state(module, nudged) - last_state(module, x)) / width
        squares += change.square().sum(1).mean().item()

    found = figures(spec, inputs=x.float().numpy(), figures=["gradient"]).gradient

    assert found is not None
    assert found.log10_by_step[step] == pytest.approx(math.log10(squares) / 2, abs=0.08)


@pytest.mark.parametrize("gain", [0.9, 1.0, 1.05])
def test_in_the_linear_regime_it_changes_by_the_gain_at_every_step(gain: float) -> None:
    # W_hh = g·Q, W_ih = 0.001·V, tanh: G_t = g^(T−1−t) · ‖W_ih‖_F.
    spec = linear(gain)
    norm = module_of(spec).state_dict()["weight_ih_l0"].norm().item()
    expected = [(39 - t) * math.log10(gain) + math.log10(norm) for t in range(40)]

    found = figures(spec, seq_len=40, figures=["gradient"]).gradient

    assert found is not None
    assert found.log10_by_step == pytest.approx(expected, abs=0.08)
    assert found.growth_per_step == pytest.approx(gain, abs=0.003)


def linear(gain: float) -> dict[str, object]:
    """Return a tanh network whose states are so small that it is linear."""
    return {
        "rnn_type": "rnn",
        "input_size": 2,
        "hidden_size": 32,
        "init": {
            "weight_ih": {"scheme": "normal", "std": 0.001},
            "weight_hh": {"scheme": "orthogonal", "gain": gain},
            "bias": "zeros",
        },
    }


def test_sequences_are_cut_into_slices_without_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = spec_of("bidirectional")
    whole = figures(spec, seq_len=30)
    monkeypatch.setattr("stepzero_rnn.diagnostics.measuring.recurrence.SLICE_MULTIPLY_ADDS", 1)
    monkeypatch.setattr("stepzero_rnn.diagnostics.measuring.network.HELD_LAYERS_BYTES", 0)

    sliced = figures(spec, seq_len=30)

    assert whole.gradient is not None
    assert sliced.gradient is not None
    assert sliced.gradient.log10_by_step == pytest.approx(whole.gradient.log10_by_step, abs=1e-4)
    assert sliced.score == pytest.approx(whole.score, abs=1e-4)


def test_a_gradient_that_overflows_is_null_and_a_finding() -> None:
    spec = {
        "rnn_type": "rnn",
        "nonlinearity": "relu",
        "input_size": 4,
        "hidden_size": 64,
        "init": {"scheme": "normal", "std": 1.0},
        "accept_nonfinite": True,
    }

    found = stepzero_rnn.diagnose(spec, seq_len=200)

    assert found.gradient is not None
    assert found.gradient.log10_reach is None
    assert found.score == -7.5
    assert [finding.name for finding in found.findings if finding.severity == "error"] == [
        "overflow"
    ]


def test_states_beyond_the_range_of_float16_overflow_although_float32_holds_them() -> None:
    spec = {
        "rnn_type": "rnn",
        "nonlinearity": "relu",
        "input_size": 4,
        "hidden_size": 64,
        "init": {"scheme": "normal", "std": 0.25},
    }
    halves = stepzero_rnn.diagnose({**spec, "dtype": "float16"}, seq_len=50)
    singles = stepzero_rnn.diagnose(spec, seq_len=50)

    assert "overflow" in {finding.name for finding in halves.findings}
    assert "overflow" not in {finding.name for finding in singles.findings}
