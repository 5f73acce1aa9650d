"""Presets: names for parts, and for nothing else."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from stepzero_rnn.errors import FieldError, InvalidSpec
from stepzero_rnn.spec.canonical import canonical, canonical_json, recipe_digest
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.init import InitParts
from stepzero_rnn.spec.parse import parse, parse_json
from stepzero_rnn.spec.recipe import decode_recipe, encode_recipe
from stepzero_rnn.spec.schemes.presets import PRESETS, PresetName

DEFINED = [(name, rnn_type) for name, preset in PRESETS.items() for rnn_type in preset.parts]
KERAS = {
    "weight_ih": {"scheme": "xavier_uniform", "scope": "fused"},
    "weight_hh": {"scheme": "orthogonal", "scope": "fused"},
    "bias": "forget",
}
TF1_GRU = PRESETS["tf1"].parts["gru"]
every_defined = pytest.mark.parametrize(("name", "rnn_type"), DEFINED)


def network(rnn_type: str = "lstm", init: Any = "pytorch", **given: Any) -> dict[str, Any]:
    """Ask for a small network; a plain RNN is a ReLU network, for which all presets are defined."""
    plain = {"nonlinearity": "relu"} if rnn_type == "rnn" else {}
    return {"rnn_type": rnn_type, "input_size": 5, "hidden_size": 8, "init": init} | plain | given


def spec(*asked: Any, **given: Any) -> Spec:
    """Read a request for a small network."""
    return parse(Spec, network(*asked, **given))


def refused(given: dict[str, Any]) -> FieldError:
    """Ask for what must be refused in one place."""
    with pytest.raises(InvalidSpec) as error:
        parse(Spec, given)
    (only,) = error.value.facts["errors"]
    return FieldError(**only)


class TestEveryPreset:
    def test_can_be_asked_for_by_its_name(self) -> None:
        assert list(get_args(PresetName)) == list(PRESETS)

    @pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
    def test_says_what_it_is_and_who_says_so(self, preset: Any) -> None:
        assert preset.parts
        assert preset.summary.endswith(".")
        assert preset.source
        assert not preset.note or preset.note.endswith(".")

    @every_defined
    def test_names_a_scheme_for_every_part_of_its_network(self, name: str, rnn_type: str) -> None:
        parts = {"weight_ih", "weight_hh", "bias"}

        assert parts <= set(PRESETS[name].parts[rnn_type]) <= parts | {"weight_hr", "overrides"}

    @every_defined
    def test_is_the_recipe_of_its_parts(self, name: str, rnn_type: str) -> None:
        sizes = {"num_layers": 2, "bidirectional": True}
        parts = json.loads(json.dumps(PRESETS[name].parts[rnn_type]))
        if "weight_hr" in parts:
            sizes["proj_size"] = 3

        by_name, as_default, spelled_out = (
            spec(rnn_type, init, **sizes) for init in (name, {"preset": name}, parts)
        )

        assert canonical_json(by_name) == canonical_json(as_default) == canonical_json(spelled_out)
        assert recipe_digest(by_name) == recipe_digest(spelled_out)
        assert encode_recipe(by_name) == encode_recipe(spelled_out)

    @every_defined
    def test_is_read_again_from_its_token(self, name: str, rnn_type: str) -> None:
        asked = spec(rnn_type, name)

        assert canonical_json(decode_recipe(encode_recipe(asked))) == canonical_json(asked)
        assert "preset" not in canonical_json(asked)

    @every_defined
    def test_is_for_networks_without_biases_too(self, name: str, rnn_type: str) -> None:
        asked = canonical(spec(rnn_type, name, bias=False))

        assert "bias" not in asked.get("init", {})
        assert canonical(parse_json(Spec, json.dumps(asked))) == asked

    def test_of_pytorch_is_what_pytorch_has_always_been(self) -> None:
        assert canonical_json(spec("gru", "pytorch")) == (
            '{"hidden_size":8,"input_size":5,"rnn_type":"gru"}'
        )


class TestParts:
    def test_that_are_named_stand_for_the_presets(self) -> None:
        init = {"preset": "keras", "bias": {"scheme": "chrono", "t_max": 9}}

        assert canonical(spec("lstm", init))["init"] == KERAS | {
            "bias": {"scheme": "chrono", "t_max": 9.0}
        }

    def test_that_are_named_as_pytorchs_are_pytorchs(self) -> None:
        init = {"preset": "keras", "weight_hh": "pytorch", "bias": "pytorch"}

        assert canonical(spec("lstm", init))["init"] == {"weight_ih": KERAS["weight_ih"]}

    def test_that_are_null_are_not_named(self) -> None:
        init = {"preset": "keras", "weight_hh": None, "bias": None}

        assert canonical(spec("lstm", init))["init"] == KERAS

    def test_that_are_named_and_those_that_are_not_make_different_requests(self) -> None:
        assert InitParts(preset="keras") != InitParts(preset="keras", weight_hh="pytorch")

    def test_that_are_named_take_the_presets_overrides_with_them(self) -> None:
        init = {"preset": "tf1", "weight_hh": "orthogonal", "bias": "zeros"}

        assert canonical(spec("gru", init))["init"]["overrides"] == TF1_GRU["overrides"][:1]

    def test_a_projection_beside_a_preset_that_has_none(self) -> None:
        init = {"preset": "keras", "weight_hr": "xavier_uniform"}

        assert canonical(spec("lstm", init, proj_size=3))["init"] == KERAS | {
            "weight_hr": "xavier_uniform"
        }


class TestOverrides:
    def test_come_before_those_of_the_preset(self) -> None:
        own = {"parameter": "bias", "gate": "new", "layer": 1, "init": "forget"}
        init = {"preset": "tf1", "overrides": [own]}

        overrides = canonical(spec("gru", init, num_layers=2))["init"]["overrides"]

        assert overrides == [own, *TF1_GRU["overrides"]]

    def test_leave_out_those_of_the_preset_that_nothing_is_left_for(self) -> None:
        own = {"parameter": "bias", "gate": "new", "init": "forget"}
        init = {"preset": "tf1", "overrides": [own]}

        assert canonical(spec("gru", init))["init"]["overrides"] == [own, *TF1_GRU["overrides"][:2]]

    def test_of_a_gate_are_refused_where_the_preset_draws_all_at_once(self) -> None:
        own = {"parameter": "weight_hh", "gate": "cell", "init": "identity"}

        error = refused(network("lstm", {"preset": "keras", "overrides": [own]}))

        assert (error.pointer, error.code) == ("/init/overrides/0", "part_of_fused")

    def test_are_counted_with_those_of_the_preset(self) -> None:
        own = [
            {"parameter": "bias", "layer": n, "gate": "reset", "init": "zeros"} for n in range(16)
        ]

        error = refused(network("gru", {"preset": "tf1", "overrides": own}, num_layers=16))

        assert (error.pointer, error.code) == ("/init/overrides", "too_long")
        assert (error.given, error.allowed) == (16, "at most 13")


class TestRefusals:
    @pytest.mark.parametrize(
        ("given", "reason", "allowed"),
        [
            (network("gru", "zaremba_small"), "it is for lstm", "haste"),
            (network("rnn", "haste"), "it is for gru and lstm", "irnn"),
            (network("rnn", "irnn", nonlinearity="tanh"), "it is for nonlinearity relu", "keras"),
            (
                network("lstm", "keras", proj_size=3),
                "it does not define a projection; add a scheme for weight_hr",
                "sonnet",
            ),
        ],
    )
    def test_say_for_what_a_preset_is_defined_and_which_are_defined_here(
        self, given: dict[str, Any], reason: str, allowed: str
    ) -> None:
        name, in_parts = given["init"], given | {"init": {"preset": given["init"]}}
        for asked, pointer in ((given, "/init"), (in_parts, "/init/preset")):
            error = refused(asked)

            assert (error.pointer, error.code) == (pointer, "undefined_preset")
            assert error.detail == f"{name} is undefined here: {reason}"
            assert error.given == name
            assert {"pytorch", allowed} <= set(error.allowed)
            assert name not in error.allowed

    def test_list_presets_that_are_defined(self) -> None:
        for name in refused(network("lstm", "keras", proj_size=3)).allowed:
            spec("lstm", name, proj_size=3)

    def test_an_unknown_preset_lists_the_known(self) -> None:
        error = refused(network("lstm", {"preset": "caffe"}))

        assert (error.pointer, error.code) == ("/init/preset", "literal_error")
        assert error.allowed == list(PRESETS)

    def test_a_preset_is_no_scheme_of_a_part(self) -> None:
        error = refused(network("lstm", {"weight_hh": "keras"}))

        assert (error.pointer, error.code) == ("/init/weight_hh", "literal_error")
