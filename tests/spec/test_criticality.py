"""Where `critical` is refused, and why: activations, gates and fields that leave it without an
answer.
"""

from __future__ import annotations

from typing import Any

import pytest

from stepzero_rnn.errors import FieldError, InvalidSpec
from stepzero_rnn.spec.canonical import canonical_json
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.parse import parse
from stepzero_rnn.spec.recipe import decode_recipe, encode_recipe

LSTM = {"rnn_type": "lstm", "input_size": 3, "hidden_size": 8}
GRU = LSTM | {"rnn_type": "gru"}
RNN = LSTM | {"rnn_type": "rnn"}


def asked(network: dict[str, Any], bias: Any = "zeros", **options: Any) -> dict[str, Any]:
    """Ask for a critical network."""
    return network | {"init": {"weight_hh": {"scheme": "critical", **options}, "bias": bias}}


def wrong(given: dict[str, Any]) -> FieldError:
    """Return the one field that is wrong."""
    with pytest.raises(InvalidSpec) as caught:
        parse(Spec, given)
    (error,) = caught.value.facts["errors"]
    return FieldError(**error)


BELOW = [
    (GRU, "zeros", {"target_rho": 0.5}, "0.5"),
    (GRU, "zeros", {"target_memory_steps": 1}, "0.5"),
    (LSTM, "forget", {"target_rho": 0.7}, "0.731059"),
    (LSTM, {"scheme": "constant", "value": 3}, {"target_memory_steps": 5}, "0.952574"),
    (LSTM, {"scheme": "chrono", "t_max": 100}, {"target_rho": 0.99}, "0.99"),
    (GRU, {"scheme": "chrono_forget_only", "t_max": 100}, {"target_rho": 0.9}, "0.99"),
    (LSTM, "ugi", {"target_rho": 0.8}, "0.875"),
    (GRU, {"scheme": "uniform", "high": 2.0, "split": "each"}, {"target_rho": 0.9}, "0.982014"),
    (LSTM, {"scheme": "normal", "std": 0.1}, {"target_rho": 0.99}, "1"),
    (LSTM, "pytorch", {"target_rho": 0.5}, "0.669762"),
    (GRU, {"scheme": "array", "values": [0, 1, 2, 3] * 2}, {"target_rho": 0.9}, "0.952574"),
]


class TestRefusals:
    @pytest.mark.parametrize(("network", "bias", "options", "opened"), BELOW)
    def test_of_a_radius_below_an_open_gate_tell_how_open_it_is(
        self, network: dict[str, Any], bias: Any, options: dict[str, Any], opened: str
    ) -> None:
        error = wrong(asked(network, bias, **options))
        (name,) = options

        assert (error.pointer, error.code) == (f"/init/weight_hh/{name}", "target_not_above_gates")
        assert f"starts at {opened}," in error.detail
        assert error.allowed == f"a radius above {opened}, or a smaller bias"

    def test_of_two_targets_tell_that_they_are_one(self) -> None:
        error = wrong(asked(LSTM, target_rho=1, target_memory_steps=10))

        assert (error.pointer, error.code) == (
            "/init/weight_hh/target_memory_steps",
            "two_targets",
        )

    @pytest.mark.parametrize("name", ["target_rho", "target_memory_steps"])
    def test_of_a_plain_networks_target(self, name: str) -> None:
        error = wrong(asked(RNN, **{name: 1.0}))

        assert (error.pointer, error.code) == (f"/init/weight_hh/{name}", "not_for_rnn_type")

    @pytest.mark.parametrize("network", [GRU, LSTM])
    def test_of_a_gated_networks_input(self, network: dict[str, Any]) -> None:
        error = wrong(asked(network, input_variance=0.1))

        assert (error.pointer, error.code) == ("/init/weight_hh/input_variance", "not_for_rnn_type")

    def test_of_relu_tell_what_is_critical_there(self) -> None:
        error = wrong(asked(RNN | {"nonlinearity": "relu"}))

        assert (error.pointer, error.code) == ("/init/weight_hh", "undefined_scheme")
        assert "use orthogonal with gain 1.4142135623730951" in error.detail

    @pytest.mark.parametrize(
        "bias",
        [
            {"scheme": "constant", "value": 101},
            {"scheme": "forget", "value": -1e300},
            {"scheme": "normal", "std": 9},
            {"scheme": "uniform", "low": -1e9},
            {"scheme": "out_gate_ladder", "step": 30},
        ],
    )
    def test_of_gates_that_are_open_or_shut_for_good(self, bias: Any) -> None:
        error = wrong(asked(LSTM, bias))

        assert (error.pointer, error.code) == ("/init/weight_hh", "undefined_scheme")
        assert "a gate is saturated" in error.detail

    def test_point_at_an_override(self) -> None:
        scheme = {"scheme": "critical", "target_rho": 0.6}
        override = {"parameter": "weight_hh", "layer": 1, "init": scheme}
        bias = {"parameter": "bias", "gate": "forget", "layer": 1, "init": "forget"}
        given = LSTM | {"num_layers": 2, "init": {"bias": "zeros", "overrides": [override, bias]}}

        assert wrong(given).pointer == "/init/overrides/0/init/target_rho"


@pytest.mark.parametrize("gate", ["cell", "input"])
def test_a_bias_that_the_criterion_does_not_read_may_be_anything(gate: str) -> None:
    override = {"parameter": "weight_hh", "gate": gate, "init": "critical"}
    bias = {"parameter": "bias", "gate": "cell", "init": {"scheme": "constant", "value": 1e9}}

    parse(Spec, LSTM | {"init": {"bias": "zeros", "overrides": [override, bias]}})


def test_a_recipe_keeps_its_target() -> None:
    spec = parse(Spec, asked(LSTM, target_memory_steps=100))

    again = decode_recipe(encode_recipe(spec))

    assert canonical_json(again) == canonical_json(spec)
    assert '"weight_hh":{"scheme":"critical","target_memory_steps":100.0}' in canonical_json(spec)
