"""Biases that give each gate a law of its own: their laws, signs and ties, in every gate, layer and
direction.
"""

from __future__ import annotations

from math import log, pi, sqrt
from typing import Any

import numpy as np
import pytest
from scipy import stats

from stepzero_rnn.engine.elements.distributions import LogitUniform, LogUniform
from stepzero_rnn.engine.elements.patterns import Ladder
from tests.engine.drawing import Values, stored, values
from tests.engine.every import every_dtype

pytestmark = pytest.mark.statistical

H = 32_768  # units, and so samples of a gate
GATES = {"lstm": ("i", "f", "g", "o"), "gru": ("r", "z", "n")}
RETENTION = {"lstm": "f", "gru": "z"}
NETWORK = {"input_size": 1, "hidden_size": H, "seed": 11}
SURE = 5  # standard errors
LIKELY = 5.7e-7  # what lies beyond so many of a normal number
GATED = ["lstm", "gru"]
every_gated = pytest.mark.parametrize("rnn_type", GATED)
every_split = pytest.mark.parametrize("split", ["ih", "hh", "half"])


def totals(rnn_type: str, bias: dict[str, Any], **given: Any) -> dict[str, Values]:
    """Draw the first layer's biases of a network; give the total of each gate."""
    request = {**NETWORK, "proj_size": 1} if rnn_type == "lstm" else {**NETWORK, "hidden_size": 512}
    drawn = values(request | {"rnn_type": rnn_type, "init": {"bias": bias}} | given)
    total = drawn["bias_ih_l0"] + drawn["bias_hh_l0"]
    return dict(zip(GATES[rnn_type], total.reshape(len(GATES[rnn_type]), -1), strict=True))


def others(rnn_type: str, gates: dict[str, Values], *but: str) -> Values:
    """Return what stands in all gates but some."""
    return np.concatenate([total for gate, total in gates.items() if gate not in but])


class TestChrono:
    @every_gated
    @pytest.mark.parametrize(("t_min", "t_max"), [(2, 10), (2, 100), (2, 784), (50.5, 1000)])
    def test_memory_times_are_uniform(self, rnn_type: str, t_min: float, t_max: float) -> None:
        """A gate that keeps σ(b) of the state forgets in 1 + exp(b) steps."""
        gates = totals(rnn_type, {"scheme": "chrono", "t_min": t_min, "t_max": t_max})
        times = 1 + np.exp(gates[RETENTION[rnn_type]])

        assert stats.kstest(times, stats.uniform(t_min, t_max - t_min).cdf).pvalue > LIKELY
        assert t_min - 1e-6 * t_max <= times.min()
        assert times.max() <= t_max * (1 + 1e-6)

    @pytest.mark.parametrize(
        ("t_max", "mean", "std", "median", "most"),
        [
            (784, 5.6717, 0.9712, 5.9713, 6.6631),
            (100, 3.6420, 0.8845, 3.9120, 4.5951),
            (10, 1.4719, 0.5666, 1.6094, 2.1972),
        ],
    )
    def test_has_the_published_moments(
        self, t_max: float, mean: float, std: float, median: float, most: float
    ) -> None:
        drawn = totals("lstm", {"scheme": "chrono", "t_max": t_max})["f"]

        assert abs(drawn.mean() - mean) <= SURE * std / sqrt(H)
        assert drawn.std() == pytest.approx(std, rel=0.03)
        assert np.median(drawn) == pytest.approx(median, rel=0.01)
        assert drawn.max() == pytest.approx(most, abs=1e-3)
        assert LogUniform(1, t_max - 1).std == pytest.approx(std, abs=1e-4)

    @every_dtype
    @every_split
    def test_ties_an_lstms_input_gate_to_the_bit(self, split: str, dtype: str) -> None:
        bias = {"scheme": "chrono", "t_max": 784, "split": split}
        request = {**NETWORK, "rnn_type": "lstm", "hidden_size": 64, "num_layers": 2}
        drawn = values(request | {"bidirectional": True, "init": {"bias": bias}, "dtype": dtype})
        for name, vector in drawn.items():
            if name.startswith("bias"):
                i, f, g, o = vector.reshape(4, -1)
                assert np.array_equal(i, -f), name
                assert not g.any(), name
                assert not o.any(), name
                taken = split == "half" or name.startswith(f"bias_{split}")
                assert f.any() == taken, name

    def test_leaves_a_grus_other_gates_at_0(self) -> None:
        gates = totals("gru", {"scheme": "chrono", "t_max": 100})

        assert not others("gru", gates, "z").any()

    def test_of_two_steps_is_no_bias(self) -> None:
        gates = totals("lstm", {"scheme": "chrono", "t_max": 2})

        assert not others("lstm", gates).any()
        assert LogUniform(1, 1).std == 0

    def test_without_the_input_gate_draws_the_same_forget_gate(self) -> None:
        tied = totals("lstm", {"scheme": "chrono", "t_max": 784})
        alone = totals("lstm", {"scheme": "chrono_forget_only", "t_max": 784})

        assert np.array_equal(tied["f"], alone["f"])
        assert not others("lstm", alone, "f").any()

    def test_draws_other_times_in_every_layer_and_direction(self) -> None:
        request = {**NETWORK, "rnn_type": "gru", "hidden_size": 64, "num_layers": 2}
        init = {"bias": {"scheme": "chrono", "t_max": 784}}
        drawn = stored(request | {"bidirectional": True, "init": init})
        seen = {drawn[name].tobytes() for name in drawn if name.startswith("bias_ih")}

        assert len(seen) == 4


class TestUniformGates:
    @every_gated
    @every_split
    def test_keep_a_uniform_share(self, rnn_type: str, split: str) -> None:
        gates = totals(rnn_type, {"scheme": "ugi", "split": split})
        drawn = gates[RETENTION[rnn_type]]
        units = len(drawn)
        law = stats.uniform(1 / units, 1 - 2 / units)

        assert stats.kstest(1 / (1 + np.exp(-drawn)), law.cdf).pvalue > LIKELY
        assert np.abs(drawn).max() <= log(units - 1) * (1 + 1e-6)
        assert not others(rnn_type, gates, RETENTION[rnn_type]).any()

    @pytest.mark.parametrize(("units", "std"), [(8, 1.0011), (128, 1.6683), (512, 1.7588)])
    def test_promise_the_published_spread(self, units: int, std: float) -> None:
        assert LogitUniform(units).std == pytest.approx(std, abs=1e-4)

    def test_promise_a_logistic_spread_where_there_are_many(self) -> None:
        assert LogitUniform(10**9).std == pytest.approx(pi / sqrt(3), rel=1e-6)

    def test_of_two_units_are_half_open(self) -> None:
        gates = totals("gru", {"scheme": "ugi"}, hidden_size=2)

        assert not gates["z"].any()
        assert LogitUniform(2).std == 0

    def test_tie_an_lstms_input_gate_when_asked(self) -> None:
        free, tied = (totals("lstm", {"scheme": "ugi", "tied": tied}) for tied in (False, True))

        assert np.array_equal(free["f"], tied["f"])
        assert np.array_equal(tied["i"], -tied["f"])
        assert not others("lstm", tied, "i", "f").any()


class TestOutGateLadder:
    @every_split
    def test_steps_down_from_block_to_block(self, split: str) -> None:
        bias = {"scheme": "out_gate_ladder", "split": split}
        gates = totals("lstm", bias, hidden_size=10)

        assert gates["o"].tolist() == [-1, -1, -1, -2, -2, -3, -3, -3, -4, -4]
        assert not others("lstm", gates, "o").any()

    def test_takes_its_step_and_its_blocks(self) -> None:
        gates = totals("lstm", {"scheme": "out_gate_ladder", "step": 0.5, "blocks": 2})

        assert np.array_equal(gates["o"], np.repeat([-0.5, -1.0], H // 2))
        assert Ladder(-0.5, 2, H).std == pytest.approx(gates["o"].std())
