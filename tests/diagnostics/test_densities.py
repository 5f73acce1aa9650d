"""The densities beside histograms are those of the drawn values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import kstest

import stepzero_rnn
from stepzero_rnn.diagnostics.weight_results import ExpectedDensity
from tests.diagnostics.networks import known

NETWORK = {"rnn_type": "lstm", "input_size": 48, "hidden_size": 64}
WITH_DENSITY: dict[str, tuple[Any, str]] = {
    "uniform": ({"weight_hh": {"scheme": "uniform", "low": -2, "high": 1}}, "weight_hh_l0"),
    "normal": ({"weight_hh": {"scheme": "normal", "mean": 1, "std": 0.5}}, "weight_hh_l0"),
    "truncated": ({"weight_hh": {"scheme": "trunc_normal", "low": -1, "high": 3}}, "weight_hh_l0"),
    "orthogonal": ({"weight_hh": {"scheme": "orthogonal", "gain": 2}}, "weight_hh_l0"),
    "orthogonal, wide": ({"weight_ih": "orthogonal"}, "weight_ih_l0"),
    "fused": ({"weight_hh": {"scheme": "orthogonal", "scope": "fused"}}, "weight_hh_l0"),
    "half of a bias": ({"bias": {"scheme": "normal", "split": "half"}}, "bias_hh_l0"),
}
WITHOUT = ("zeros", "identity", "sparse", "hadamard")


def densities(init: Any, tensor: str, **network: Any) -> dict[str, ExpectedDensity]:
    found = stepzero_rnn.diagnose({**NETWORK, **network, "init": init}, figures="weights").weights
    assert found is not None
    return {one.gate: one for one in found.densities if one.tensor == tensor}


def distribution(density: ExpectedDensity) -> Any:
    """Return the cumulative distribution of a density, by trapezoids."""
    values = np.array([known(v) for v in density.values])
    heights = np.array([known(d) for d in density.density])
    fine = np.linspace(values[0], values[-1], 2001)
    curve = np.interp(fine, values, heights)
    total = np.concatenate([[0], np.cumsum((curve[1:] + curve[:-1]) / 2 * np.diff(fine))])
    assert total[-1] == pytest.approx(1, abs=0.02)
    return lambda x: np.interp(x, fine, total)


@pytest.mark.statistical
@pytest.mark.parametrize(("init", "tensor"), WITH_DENSITY.values(), ids=WITH_DENSITY)
def test_drawn_values_follow_the_density(init: Any, tensor: str) -> None:
    state = stepzero_rnn.state_dict({**NETWORK, "init": init})
    found = densities(init, tensor)

    assert list(found) == ["input", "forget", "cell", "output"]
    for density, block in zip(found.values(), state[tensor].chunk(4), strict=True):
        # 0.02 is how far a density of 33 points may be from the exact one.
        distance = kstest(block.numpy().ravel(), distribution(density)).statistic
        assert distance < 0.02 + 1.95 / np.sqrt(block.numel())


@pytest.mark.statistical
@pytest.mark.parametrize("gate", ["input", "forget"])
def test_chrono_biases_follow_the_density_of_a_logarithm(gate: str) -> None:
    init = {"bias": {"scheme": "chrono", "t_max": 500}}
    state = stepzero_rnn.state_dict({**NETWORK, "hidden_size": 2048, "input_size": 1, "init": init})
    place = ["input", "forget"].index(gate)
    values = state["bias_ih_l0"].chunk(4)[place].numpy()
    density = densities(init, "bias_ih_l0", hidden_size=2048, input_size=1)[gate]

    assert kstest(values, distribution(density)).statistic < 0.02 + 1.95 / np.sqrt(values.size)


@pytest.mark.parametrize("scheme", WITHOUT)
def test_values_without_a_density_have_none(scheme: str) -> None:
    example = {"sparse": {"scheme": "sparse", "sparsity": 0.5}}

    assert densities({"weight_hh": example.get(scheme, scheme)}, "weight_hh_l0") == {}


def test_overridden_gates_have_their_own_density() -> None:
    overrides = [{"parameter": "weight_hh", "gate": "cell", "init": "xavier_normal"}]
    found = densities({"weight_hh": "xavier_uniform", "overrides": overrides}, "weight_hh_l0")

    assert {gate: len(one.values) for gate, one in found.items()} == {
        "input": 2,
        "forget": 2,
        "cell": 33,
        "output": 2,
    }
