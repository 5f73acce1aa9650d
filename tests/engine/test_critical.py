"""`critical` starts where its source says: the gains, the laws of the gates behind them, and the
radius of drawn networks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from scipy.special import expit

import stepzero_rnn
from stepzero_rnn.engine.laws.criticality import tanh_gain
from stepzero_rnn.engine.schemes.critical import LAWS, At, gated_gain
from stepzero_rnn.spec.networks import Role
from stepzero_rnn.spec.networks.gru import GRU
from stepzero_rnn.spec.networks.lstm import LSTM
from stepzero_rnn.spec.schemes.biases import (
    ChronoBias,
    ChronoForgetOnlyBias,
    ConstantBias,
    ForgetBias,
    NormalBias,
    OutGateLadderBias,
    PytorchBias,
    UgiBias,
    UniformBias,
    ZerosBias,
)
from stepzero_rnn.spec.schemes.inline import ArrayBias
from stepzero_rnn.spec.schemes.matrices import Critical
from stepzero_rnn.spec.schemes.unions import BIAS_SCHEMES
from tests.engine.drawing import Values, gates

pytestmark = pytest.mark.statistical

H = 512
WITHIN = 0.02  # of the radius, at H units: the edge of a finite random spectrum is not sharp
# Pennington, Schoenholz & Chen's line, by quadrature and root: variance of the input, and the gain.
LINE = {
    0.0: 1.0, 1e-6: 1.00909, 1e-4: 1.04213, 1e-3: 1.09050, 0.01: 1.19340, 0.05: 1.32701, 0.1: 1.40928,
    0.25: 1.54967, 0.5: 1.68617, 1.0: 1.85559,
}  # fmt: skip
SQUARE = stats.norm.expect(lambda b: expit(b) ** 2)  # of a gate whose bias is N(0, 1)


def gain(*biases: Any, hidden_size: int = H, **options: Any) -> float:
    """Solve for a cell, given the bias of every gate, or one for all of an LSTM."""
    each = biases if len(biases) > 1 else biases * 4
    network = LSTM if len(each) == 4 else GRU
    named = zip((gate.role for gate in network.gates), each, strict=True)
    return gated_gain(Critical(**options), tuple(named), hidden_size)


def edge(mean: float) -> float:
    """Return the exact gain of normal biases of spread 1, the forget gate's about a mean: 1/(1 − f)
    = 1 + eᵇ.
    """
    kept = 1 + 2 * math.exp(mean + 0.5) + math.exp(2 * mean + 2)
    return float(1 / (SQUARE * math.sqrt(kept)))


class TestGains:
    @pytest.mark.parametrize(("variance", "expected"), LINE.items())
    def test_of_tanh_are_those_of_the_critical_line(self, variance: float, expected: float) -> None:
        assert round(tanh_gain(variance), 5) == expected

    def test_without_biases_are_2(self) -> None:
        assert gain(ZerosBias()) == 2.0
        assert gain(*[ZerosBias()] * 3) == 2.0

    @pytest.mark.parametrize("t_max", [2, 10, 100, 784, 1e9])
    def test_of_chrono_are_2_for_every_memory(self, t_max: float) -> None:
        """For an LSTM i = 1 − f, and a GRU's z drops out of its own."""
        assert gain(ChronoBias(t_max=t_max)) == pytest.approx(2, rel=1e-14)
        assert gain(*[ChronoBias(t_max=t_max)] * 3) == pytest.approx(2, rel=1e-14)

    def test_of_a_forget_bias_of_1_is_known(self) -> None:
        assert round(gain(ForgetBias()), 4) == 1.0758

    @pytest.mark.parametrize("mean", [0.0, 1.0])
    def test_of_normal_biases_are_their_closed_form(self, mean: float) -> None:
        i, f = NormalBias(), NormalBias(mean=mean)

        assert gain(i, f, i, i) == pytest.approx(edge(mean), rel=1e-12)

    def test_of_a_grus_normal_biases_are_their_closed_form(self) -> None:
        assert gain(*[NormalBias()] * 3) == pytest.approx(1 / math.sqrt(SQUARE), rel=1e-10)

    def test_of_uniform_gates_are_their_closed_form(self) -> None:
        """E 1/(1 − u)² over u on [1/H, 1 − 1/H] is H²/(H − 1); the tied input gate drops out."""
        assert gain(UgiBias()) == pytest.approx(4 * math.sqrt(H - 1) / H, rel=1e-12)
        assert gain(UgiBias(tied=True)) == pytest.approx(2, rel=1e-14)

    def test_of_given_biases_are_means_over_their_units(self) -> None:
        values = (-1.0, 0.5, 2.0)
        array = ArrayBias(values=values)
        gate = [1 / (1 + math.exp(-b)) for b in values]
        mean = math.fsum((g * g / (1 - g)) ** 2 for g in gate) / 3

        assert gain(array, hidden_size=3) == pytest.approx(1 / math.sqrt(mean), rel=1e-14)

    @pytest.mark.parametrize("hidden_size", [4096, 4097])
    def test_of_a_ladder_are_means_over_its_blocks(self, hidden_size: int) -> None:
        ladder = OutGateLadderBias()
        mean = math.fsum(1 / (1 + math.exp(k)) ** 2 for k in (1, 2, 3, 4)) / 4
        expected = 1 / math.sqrt(0.25 * 4 * mean)

        assert gain(ladder, hidden_size=hidden_size) == pytest.approx(expected, rel=1e-3)

    @pytest.mark.parametrize("target", [1.5, 1.0, 0.99])
    def test_solve_for_any_radius(self, target: float) -> None:
        """i·o = ¼ and f = ½: the radius is ½ where g is 0, and grows by g/4."""
        assert gain(ZerosBias(), target_rho=target) == pytest.approx(4 * (target - 0.5), rel=1e-14)

    def test_solve_for_a_memory(self) -> None:
        steps = gain(ZerosBias(), target_memory_steps=100)

        assert steps == pytest.approx(gain(ZerosBias(), target_rho=math.exp(-0.01)), rel=1e-14)


# Of each random law: its density in the bias, from the scheme's definition.
DENSITIES: list[tuple[Any, Role, float, float, Callable[[float], float]]] = [
    (PytorchBias(), "retention", -2 / H**0.5, 2 / H**0.5, lambda b: 2 / H**0.5 - abs(b)),
    (UniformBias(low=-1, high=2.5), "retention", -1, 2.5, lambda b: 1),
    (UniformBias(low=-1, high=2, split="each"), "reset", -2, 4, lambda b: 3 - abs(b - 1)),
    (NormalBias(mean=1, std=0.5), "retention", -5, 7, stats.norm(1, 0.5).pdf),
    (NormalBias(mean=1, std=0.5, split="each"), "write", -5, 7, stats.norm(2, 0.5 * 2**0.5).pdf),
    (ChronoBias(t_min=3, t_max=50), "retention", math.log(2), math.log(49), math.exp),
    (ChronoBias(t_max=50), "write", -math.log(49), 0, lambda b: math.exp(-b)),
    (ChronoForgetOnlyBias(t_max=50), "retention", 0, math.log(49), math.exp),
    (UgiBias(), "retention", -math.log(H - 1), math.log(H - 1), stats.logistic.pdf),
]


@pytest.mark.parametrize(("scheme", "role", "low", "high", "density"), DENSITIES)
@pytest.mark.parametrize(
    "of",
    [math.atan, lambda b: b * b, lambda b: 1 / (11 - b) ** 2],
    ids=["mean", "square", "pole"],
)
def test_the_law_of_a_gates_bias_is_that_of_its_scheme(
    scheme: Any,
    role: Role,
    low: float,
    high: float,
    density: Callable[[float], float],
    of: Callable[[float], float],
) -> None:
    def mean(f: Callable[[float], float]) -> float:
        middle = (low + high) / 2  # where a triangle has its peak
        return float(
            sum(
                integrate.quad(lambda b: f(b) * density(b), *ends, epsabs=0, epsrel=1e-12)[0]
                for ends in ((low, middle), (middle, high))
            )
        )

    points = LAWS[type(scheme)](scheme, At(role, H, 11.0))
    total = math.fsum(weight for _, weight in points)
    found = math.fsum(weight * of(bias) for bias, weight in points) / total

    assert found == pytest.approx(mean(of) / mean(lambda b: 1), rel=1e-10, abs=1e-12)


def test_every_bias_scheme_has_a_law() -> None:
    assert set(LAWS) == set(BIAS_SCHEMES.values())
    still = {ZerosBias, ConstantBias, ForgetBias, ArrayBias, OutGateLadderBias}
    assert {type(scheme) for scheme, *_ in DENSITIES} | still == set(LAWS)


NETWORKS: list[tuple[str, Any, Mapping[str, Any], float]] = [
    ("lstm", "zeros", {}, 1.0),
    ("lstm", "forget", {}, 1.0),
    ("lstm", {"scheme": "chrono", "t_max": 784}, {}, 1.0),
    ("lstm", {"scheme": "normal", "std": 0.3}, {}, 1.0),
    ("lstm", "forget", {"target_rho": 1.3}, 1.3),
    ("lstm", "pytorch", {"target_memory_steps": 20}, math.exp(-1 / 20)),
    ("gru", "zeros", {}, 1.0),
    ("gru", {"scheme": "chrono", "t_max": 100}, {}, 1.0),
    ("gru", {"scheme": "normal", "std": 0.3}, {}, 1.0),
    ("gru", "forget", {"target_rho": 0.9}, 0.9),
    ("gru", "zeros", {"target_memory_steps": 20}, math.exp(-1 / 20)),
]


def network(rnn_type: str, bias: Any, options: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Ask for a critical network."""
    init = {"weight_hh": {"scheme": "critical", **options}, "bias": bias}
    return {"rnn_type": rnn_type, "input_size": 1, "hidden_size": H, "init": init, "seed": 3} | more


def jacobian(given: Mapping[str, Any]) -> Values:
    """Return the Jacobian of a cell's state at zero input and state, in closed form, biases of g
    and n left out.
    """
    drawn = gates(given)

    def gate(letter: str) -> Values:
        total = drawn["bias_ih_l0", letter] + drawn["bias_hh_l0", letter]
        return np.asarray(1 / (1 + np.exp(-total)))[:, None]

    if given["rnn_type"] == "lstm":
        i, f, o = (gate(letter) for letter in "ifo")
        return np.diag(f[:, 0]) + i * o * drawn["weight_hh_l0", "g"]
    r, z = gate("r"), gate("z")
    return np.diag(z[:, 0]) + (1 - z) * r * drawn["weight_hh_l0", "n"]


def radius(matrix: Values) -> float:
    """Return the largest absolute eigenvalue."""
    return float(np.abs(np.linalg.eigvals(matrix)).max())


class TestDrawnNetworks:
    @pytest.mark.parametrize(("rnn_type", "bias", "options", "expected"), NETWORKS)
    def test_have_the_radius_asked_for(
        self, rnn_type: str, bias: Any, options: Mapping[str, Any], expected: float
    ) -> None:
        found = radius(jacobian(network(rnn_type, bias, options)))

        assert found == pytest.approx(expected, rel=WITHIN)

    @pytest.mark.parametrize(("rnn_type", "bias"), [("lstm", "forget"), ("gru", "zeros")])
    def test_have_it_by_torchs_own_derivatives(self, rnn_type: str, bias: Any) -> None:
        given = network(rnn_type, bias, {}, dtype="float64", hidden_size=256)
        module, nothing = stepzero_rnn.build(given), torch.zeros(1, 1, 256, dtype=torch.float64)

        def step(state: torch.Tensor) -> torch.Tensor:
            h = (
                torch.zeros_like(state).view(1, 1, -1)
                if rnn_type == "lstm"
                else state.view(1, 1, -1)
            )
            states = (h, state.view(1, 1, -1)) if rnn_type == "lstm" else h
            _, after = module(nothing[..., :1], states)
            after = after[1] if rnn_type == "lstm" else after
            return torch.as_tensor(after).reshape(-1)

        # An LSTM's cell comes back through its output: h = o·tanh(c), and o·W·h reaches the next
        # cell.
        at_rest = torch.zeros(256, dtype=torch.float64)
        own = torch.autograd.functional.jacobian(step, at_rest).numpy()
        if rnn_type == "lstm":

            def through_output(h: torch.Tensor) -> torch.Tensor:
                cell = torch.zeros(1, 1, 256, dtype=torch.float64)
                _, after = module(nothing[..., :1], (h.view(1, 1, -1), cell))
                return torch.as_tensor(after[1]).reshape(-1)

            opened = 0.5  # σ of an output bias of 0
            own = own + opened * torch.autograd.functional.jacobian(through_output, at_rest).numpy()

        assert np.allclose(own, jacobian(given), atol=1e-12)
        assert radius(own) == pytest.approx(1.0, rel=2 * WITHIN)

    def test_give_the_other_gates_a_spread_of_their_own(self) -> None:
        drawn = gates(network("lstm", "forget", {}))
        spreads = {gate: drawn["weight_hh_l0", gate].std() * math.sqrt(H) for gate in "ifgo"}

        assert spreads == pytest.approx({"i": 1, "f": 1, "g": 1.0758, "o": 1}, rel=0.01)

    def test_look_at_the_biases_of_their_own_cell(self) -> None:
        init = {
            "weight_hh": "critical",
            "bias": "zeros",
            "overrides": [{"parameter": "bias", "layer": 1, "gate": "forget", "init": "forget"}],
        }
        drawn = gates(network("lstm", "zeros", {}, num_layers=2) | {"init": init})
        spreads = [drawn[f"weight_hh_l{layer}", "g"].std() * math.sqrt(H) for layer in (0, 1)]

        assert spreads == pytest.approx([2, 1.0758], rel=0.01)

    def test_count_missing_biases_as_0(self) -> None:
        given = network("gru", "zeros", {}) | {"bias": False, "init": {"weight_hh": "critical"}}
        drawn = gates(given)

        assert drawn["weight_hh_l0", "n"].std() * math.sqrt(H) == pytest.approx(2, rel=0.01)

    @pytest.mark.parametrize("variance", [0.01, 0.25])
    def test_of_tanh_keep_the_size_of_a_small_difference(self, variance: float) -> None:
        """Driven by noise of the variance asked for, a perturbation neither grows nor shrinks: χ =
        1 to 3 % over 400 steps.
        """
        scheme = {"scheme": "critical", "input_variance": variance}
        given = {
            "rnn_type": "rnn",
            "input_size": 1,
            "hidden_size": H,
            "init": {"weight_hh": scheme},
        }
        w = gates(given)["weight_hh_l0", "-"]
        noise = np.random.default_rng(1)
        state, growth = np.zeros(H), []
        for _ in range(400):
            pre = w @ state + noise.normal(0, math.sqrt(variance), H)
            state = np.tanh(pre)
            growth.append(((1 - state**2) ** 2).mean() * float((w * w).sum() / H))

        assert np.mean(growth[20:]) == pytest.approx(1, rel=0.03)
