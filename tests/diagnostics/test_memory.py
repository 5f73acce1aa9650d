"""Memory near the zero state: closed forms, and the Jacobian of the real module."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import stepzero_rnn
from stepzero_rnn.diagnostics.weight_results import CellMemory
from tests.diagnostics.networks import NETWORKS, module_of, spec_of

ONE_LAYER = [n for n in NETWORKS if n not in ("deep", "bidirectional", "float64", "bfloat16")]


def memory(spec: Mapping[str, Any]) -> CellMemory:
    found = stepzero_rnn.diagnose(spec, figures="memory").memory
    assert found is not None
    return found.cells[0]


def gated(rnn_type: str, hidden_size: int, **init: Any) -> dict[str, Any]:
    return {
        "rnn_type": rnn_type,
        "input_size": 4,
        "hidden_size": hidden_size,
        "init": {"weight_ih": "xavier_uniform", "weight_hh": "orthogonal", **init},
    }


def forget(value: float) -> dict[str, Any]:
    return {"scheme": "forget", "value": value}


def chrono(t_max: int) -> dict[str, Any]:
    return {"scheme": "chrono", "t_max": t_max}


# Radius, steps of memory, and how close: published to three digits, for large networks.
CLOSED_FORMS: Mapping[str, tuple[dict[str, Any], float, float, float]] = {
    "lstm orthogonal per gate, forget 1": (gated("lstm", 512, bias=forget(1)), 0.9811, 52.3, 0.01),
    "lstm orthogonal per gate, forget 2": (
        gated("lstm", 512, bias=forget(2)),
        1.131,
        math.inf,
        0.01,
    ),
    "lstm orthogonal per gate, forget 0": (gated("lstm", 512, bias="zeros"), 0.75, 3.48, 0.01),
    "lstm like keras": (
        {"rnn_type": "lstm", "input_size": 4, "hidden_size": 512, "init": "keras"},
        0.848,
        6.0,
        0.02,
    ),
    "lstm default": ({"rnn_type": "lstm", "input_size": 4, "hidden_size": 512}, 0.651, 2.3, 0.02),
    "lstm chrono 100": (gated("lstm", 512, bias=chrono(100)), 0.9925, 132, 0.002),
    "lstm chrono 784": (gated("lstm", 512, bias=chrono(784)), 0.9991, 1059, 0.002),
    "large lstm orthogonal per gate, forget 1": (
        gated("lstm", 1100, bias=forget(1)),
        0.9811,
        52.3,
        0.001,
    ),
    "large lstm chrono 784": (gated("lstm", 1100, bias=chrono(784)), 0.9991, 1059, 0.001),
    "large lstm default": (
        {"rnn_type": "lstm", "input_size": 4, "hidden_size": 560},
        0.651,
        2.3,
        0.02,
    ),
    "gru default": ({"rnn_type": "gru", "input_size": 4, "hidden_size": 512}, 0.641, 2.2, 0.02),
    "gru orthogonal per gate": (gated("gru", 512, bias="zeros"), 0.750, 3.5, 0.01),
    "gru orthogonal per gate, update 1": (gated("gru", 512, bias=forget(1)), 0.8655, 6.9, 0.01),
    "gru orthogonal per gate, update -1": (gated("gru", 512, bias=forget(-1)), 0.634, 2.2, 0.01),
}


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_the_radius_is_that_of_the_closed_form(name: str) -> None:
    spec, radius, steps, relative = CLOSED_FORMS[name]
    found = memory(spec)

    assert found.spectral_radius == pytest.approx(radius, rel=relative)
    if steps == math.inf:
        assert found.memory_steps is None
    else:
        # τ = −1/ln ρ, so a relative error e of ρ makes e·τ of τ.
        assert found.memory_steps == pytest.approx(steps, rel=max(relative * steps, 0.02))


@pytest.mark.parametrize("gain", [0.5, 1.0, 1.3])
def test_an_lstm_with_constant_biases_approaches_its_bound(gain: float) -> None:
    # ρ ≤ f + a·g with a = σ(b_i)σ(b_o); attained for large networks.
    spec = gated("lstm", 512, bias=forget(1))
    spec["init"]["weight_hh"] = {"scheme": "orthogonal", "gain": gain}
    bound = 1 / (1 + math.exp(-1)) + 0.25 * gain
    radius = memory(spec).spectral_radius

    assert radius is not None
    assert 0.99 * bound < radius < bound + 1e-4


def test_irnn_keeps_its_state_for_good() -> None:
    spec = {
        "rnn_type": "rnn",
        "nonlinearity": "relu",
        "input_size": 4,
        "hidden_size": 64,
        "init": {"weight_ih": {"scheme": "normal", "std": 0.001}, "weight_hh": "identity"},
    }
    found = memory(spec)

    assert found.spectral_radius == 1
    assert found.memory_steps is None
    assert found.gate_memory_steps is None


@pytest.mark.parametrize(
    ("variance", "gain"), [(1e-6, 1.00909), (0.01, 1.19340), (0.1, 1.40928), (1.0, 1.85559)]
)
def test_on_the_critical_line_of_tanh_the_radius_is_the_gain(variance: float, gain: float) -> None:
    spec = {
        "rnn_type": "rnn",
        "input_size": 4,
        "hidden_size": 128,
        "init": {
            "weight_ih": "zeros",
            "weight_hh": {"scheme": "critical", "input_variance": variance},
            "bias": "zeros",
        },
        "accept_dead": True,
    }

    # σ_w·Q with the orthogonal Q, at a state where tanh has slope 1.
    assert memory(spec).spectral_radius == pytest.approx(gain, rel=1e-4)


@pytest.mark.parametrize(
    ("name", "init"),
    [
        *product(ONE_LAYER, ["pytorch", {"scheme": "orthogonal"}]),
        *product(["lstm", "projected"], [{"bias": forget(1)}]),
    ],
)
def test_it_is_that_of_the_jacobian_by_autograd(name: str, init: Any) -> None:
    spec = {**spec_of(name), "init": init}
    jacobian = of_one_step(spec)
    radius = torch.linalg.eigvals(jacobian).abs().max().item()

    assert memory(spec).spectral_radius == pytest.approx(radius, rel=1e-4)


def of_one_step(spec: Mapping[str, Any]) -> Tensor:
    """Return ∂state′/∂state of the real module at zero state and input, without ReLU's kinks."""
    module = module_of(spec)
    sizes = [module.proj_size or module.hidden_size]
    sizes += [module.hidden_size] * (module.mode == "LSTM")
    x = torch.zeros(1, 1, module.input_size, dtype=torch.float64)
    # At a state of exactly 0, ReLU's slope is 0; a unit about to be active has 1.
    start = torch.full((sum(sizes),), 1e-12 if module.mode == "RNN_RELU" else 0.0).double()

    def step(state: Tensor) -> Tensor:
        parts = [part.view(1, 1, -1) for part in state.split(sizes)]
        after = module(x, tuple(parts) if len(parts) == 2 else parts[0])[1]
        return torch.cat([p.flatten() for p in (after if isinstance(after, tuple) else (after,))])

    if module.mode != "RNN_RELU":
        return torch.autograd.functional.jacobian(step, start)  # type: ignore[no-any-return]
    weights = module.state_dict()
    total = weights["bias_ih_l0"] + weights["bias_hh_l0"]
    slopes: Tensor = (total >= 0).double()[:, None]
    weight: Tensor = weights["weight_hh_l0"]
    return slopes * weight


def test_the_jacobian_agrees_with_finite_differences() -> None:
    spec = {**spec_of("gru"), "init": "pytorch"}
    module = module_of(spec)
    x = torch.zeros(1, 1, 2, dtype=torch.float64)
    width, columns = 1e-6, []
    for unit in range(8):
        nudge = torch.zeros(1, 1, 8, dtype=torch.float64)
        nudge[..., unit] = width
        columns.append((module(x, nudge)[1] - module(x, -nudge)[1]).flatten() / (2 * width))
    radius = np.abs(np.linalg.eigvals(torch.stack(columns, 1).numpy())).max()

    assert memory(spec).spectral_radius == pytest.approx(radius, rel=1e-4)


def test_the_biases_of_chrono_imply_memory_up_to_its_t_max() -> None:
    # 1 + e^b = 1 + U(1, T − 1).
    steps = memory(gated("lstm", 1000, bias=chrono(100))).gate_memory_steps

    assert steps is not None
    for quantile, found in zip((0.05, 0.5, 0.95), steps, strict=True):
        error = 98 * math.sqrt(quantile * (1 - quantile) / 1000)
        assert found == pytest.approx(2 + 98 * quantile, abs=5 * error)
    update = memory(gated("gru", 1000, bias=chrono(100))).gate_memory_steps
    assert update == pytest.approx(steps, rel=0.2)


def test_a_constant_forget_bias_implies_one_memory_for_all_units() -> None:
    steps = memory(gated("lstm", 32, bias=forget(2))).gate_memory_steps

    assert steps == pytest.approx([1 + math.e**2] * 3, rel=1e-4)


def retention(spec: Mapping[str, Any], length: int) -> float | None:
    return stepzero_rnn.diagnose(spec, seq_len=length, figures="memory").retention


def test_a_constant_forget_bias_retains_that_gate_to_the_power_of_the_length() -> None:
    gate = 1 / (1 + math.exp(-5))

    assert retention(gated("lstm", 32, bias=forget(5)), 60) == pytest.approx(gate**60, rel=1e-4)


def test_chrono_retains_what_its_law_says() -> None:
    # With a bias of ln u, u ~ U(1, T − 1), a gate is u/(1 + u); 1000 units, shares from 0 to 1.
    u = np.linspace(1, 99, 100_001)
    expected = np.mean((u / (1 + u)) ** 100)

    found = retention(gated("lstm", 1000, bias=chrono(100)), 100)

    assert found == pytest.approx(expected, abs=5 * 0.5 / math.sqrt(1000))


@pytest.mark.parametrize(("kind", "length"), [("gru", 60), ("rnn", 60), ("lstm", 49)])
def test_retention_is_a_figure_of_lstms_with_long_dependencies(kind: str, length: int) -> None:
    assert retention({"rnn_type": kind, "input_size": 2, "hidden_size": 4}, length) is None


def test_both_directions_and_the_ends_of_a_deep_network_are_described() -> None:
    spec = {**spec_of("bidirectional"), "num_layers": 6}
    found = stepzero_rnn.diagnose(spec, figures="memory").memory

    assert found is not None
    assert [(c.layer, c.reverse) for c in found.cells] == [
        (0, False),
        (0, True),
        (5, False),
        (5, True),
    ]
    assert len(found.spectral_radii) == 12
