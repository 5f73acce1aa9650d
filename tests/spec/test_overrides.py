"""Overrides: which places each names, which of several counts, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from stepzero_rnn.errors import FieldError, InvalidSpec
from stepzero_rnn.plan import TensorPlan, plan
from stepzero_rnn.spec.canonical import canonical_json
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.parse import parse
from stepzero_rnn.spec.recipe import decode_recipe, encode_recipe

LSTM = {"rnn_type": "lstm", "input_size": 3, "hidden_size": 4, "num_layers": 4}
LSTM |= {"bidirectional": True, "proj_size": 2}
GRU = {"rnn_type": "gru", "input_size": 3, "hidden_size": 4}
RNN = GRU | {"rnn_type": "rnn"}


def asked(*overrides: Any, network: dict[str, Any] | None = None, **parts: Any) -> dict[str, Any]:
    """Ask for a network with overrides."""
    return {**(network or LSTM), "init": {**parts, "overrides": list(overrides)}}


def drawn(given: dict[str, Any], scheme: str) -> set[str]:
    """Name the gates' blocks that are drawn by a scheme."""
    return {
        f"{tensor.name}.{block.gate}"
        for tensor in plan(parse(Spec, given)).tensors
        for block in tensor.blocks
        if block.scheme.scheme == scheme
    }


def ones(**where: Any) -> dict[str, Any]:
    """Fill a place with ones."""
    return {"parameter": "weight_hh", **where, "init": "ones"}


def wrong(given: dict[str, Any]) -> FieldError:
    """Return the one field that is wrong."""
    with pytest.raises(InvalidSpec) as caught:
        parse(Spec, given)
    (error,) = caught.value.facts["errors"]
    return FieldError(**error)


class TestWhereTheyApply:
    @pytest.mark.parametrize(
        ("layer", "layers"),
        [
            (None, [0, 1, 2, 3]),
            (2, [2]),
            ("first", [0]),
            ("last", [3]),
            ([1, 2], [1, 2]),
            ([0, 0], [0]),
        ],
    )
    def test_layers(self, layer: Any, layers: list[int]) -> None:
        where = {} if layer is None else {"layer": layer}
        found = drawn(asked(ones(gate="cell", direction="forward", **where)), "ones")

        assert found == {f"weight_hh_l{index}.g" for index in layers}

    @pytest.mark.parametrize(
        ("direction", "suffixes"),
        [("forward", [""]), ("reverse", ["_reverse"]), (None, ["", "_reverse"])],
    )
    def test_directions(self, direction: str | None, suffixes: list[str]) -> None:
        where = {} if direction is None else {"direction": direction}
        found = drawn(asked(ones(gate="output", layer=1, **where)), "ones")

        assert found == {f"weight_hh_l1{suffix}.o" for suffix in suffixes}

    @pytest.mark.parametrize(
        ("network", "names"),
        [
            (LSTM, {"input": "i", "forget": "f", "cell": "g", "output": "o"}),
            (GRU, {"reset": "r", "update": "z", "new": "n"}),
        ],
    )
    def test_gates(self, network: dict[str, Any], names: dict[str, str]) -> None:
        for name, letter in names.items():
            given = asked(ones(gate=name, layer=0, direction="forward"), network=network)

            assert drawn(given, "ones") == {f"weight_hh_l0.{letter}"}

    @pytest.mark.parametrize("name", ["weight_ih", "weight_hh", "weight_hr"])
    def test_parameters(self, name: str) -> None:
        found = drawn(asked({"parameter": name, "init": "ones"}), "ones")

        assert {place.partition("_l")[0] for place in found} == {name}

    def test_a_bias_is_the_total_in_both_vectors(self) -> None:
        override = {"parameter": "bias", "gate": "new", "init": {"scheme": "constant", "value": 1}}

        found = drawn(asked(override, network=GRU), "constant")

        assert found == {"bias_ih_l0.n", "bias_hh_l0.n"}

    def test_the_first_that_matches_counts(self) -> None:
        given = asked(
            ones(layer=0, gate="cell", direction="forward"),
            {"parameter": "weight_hh", "layer": 0, "init": "zeros"},
            weight_hh="identity",
        )

        assert drawn(given, "ones") == {"weight_hh_l0.g"}
        assert "weight_hh_l0.i" in drawn(given, "zeros")
        assert "weight_hh_l1.g" in drawn(given, "identity")

    def test_a_whole_tensor_may_be_fused_where_others_are_not(self) -> None:
        fused = {"scheme": "orthogonal", "scope": "fused"}
        given = asked({"parameter": "weight_hh", "layer": "first", "init": fused})

        assert drawn(given, "orthogonal") == {"weight_hh_l0.-", "weight_hh_l0_reverse.-"}

    def test_a_tensor_of_several_schemes_names_them_by_gate(self) -> None:
        def scheme(layer: int) -> Any:
            tensors = plan(parse(Spec, asked(ones(gate="cell", layer=0)))).tensors
            return next(t for t in tensors if t.name == f"weight_hh_l{layer}").scheme

        assert {gate: found["scheme"] for gate, found in scheme(0).items()} == {
            "input": "pytorch",
            "forget": "pytorch",
            "cell": "ones",
            "output": "pytorch",
        }
        assert scheme(1)["scheme"] == "pytorch"

    def test_a_dear_gate_makes_a_tensor_dear(self) -> None:
        def tensor(*overrides: Any) -> TensorPlan:
            tensors = plan(parse(Spec, asked(*overrides))).tensors
            return next(t for t in tensors if t.name == "weight_hh_l0")

        some = tensor({"parameter": "weight_hh", "gate": "cell", "init": "orthogonal"})

        assert (tensor().is_expensive, some.is_expensive) == (False, True)
        assert some.scratch_bytes == 12 * 8 * 8


class TestRecipes:
    def test_without_overrides_are_what_they_were(self) -> None:
        with_none = parse(Spec, asked(weight_hh="orthogonal"))
        without = parse(Spec, LSTM | {"init": {"weight_hh": "orthogonal"}})

        assert canonical_json(with_none) == canonical_json(without)

    def test_hold_them_in_their_order(self) -> None:
        given = asked(ones(layer=[1, 2]), {"parameter": "bias", "gate": "forget", "init": "ugi"})
        spec = parse(Spec, given)

        again = decode_recipe(encode_recipe(spec))

        assert '"overrides":[{"init":"ones","layer":[1,2],"parameter":"weight_hh"},' in (
            canonical_json(spec)
        )
        assert canonical_json(again) == canonical_json(spec)

    def test_are_one_for_both_spellings_of_a_scheme(self) -> None:
        by_name, in_full = (
            parse(Spec, asked({"parameter": "weight_ih", "init": init}))
            for init in ("orthogonal", {"scheme": "orthogonal", "gain": 1})
        )

        assert canonical_json(by_name) == canonical_json(in_full)

    @pytest.mark.parametrize(
        ("network", "one", "other"),
        [
            (LSTM, {"layer": "first"}, {"layer": 0}),
            (LSTM, {"layer": "last"}, {"layer": [3, 3]}),
            (LSTM, {"layer": [0, 3]}, {}),
            (GRU, {"layer": "last", "direction": "forward"}, {}),
        ],
    )
    def test_are_one_for_all_spellings_of_a_place(
        self, network: dict[str, Any], one: dict[str, Any], other: dict[str, Any]
    ) -> None:
        first, second = (
            canonical_json(parse(Spec, asked(ones(**where), network=network)))
            for where in (one, other)
        )

        assert first == second

    def test_have_room_for_the_longest_overrides(self) -> None:
        long = {"scheme": "trunc_normal", "mean": -1.2345678901234567e-30, "std": 9.87654321e-123}
        overrides = [
            {
                "parameter": "weight_ih",
                "layer": [990 + at, 990 + at],
                "direction": "reverse",
                "gate": "forget",
                "init": long
                | {"low": -1.0123456789e-3 - at / 7, "high": 1.98765432101e-2 + at / 3},
            }
            for at in range(16)
        ]
        spec = parse(Spec, asked(*overrides, network=LSTM | {"num_layers": 1024}))

        assert canonical_json(decode_recipe(encode_recipe(spec))) == canonical_json(spec)


REFUSED = {
    "layer": (asked(ones(layer=4)), "layer", "matches_nothing", "0 to 3"),
    "range": (asked(ones(layer=[2, 4])), "layer", "matches_nothing", "0 to 3"),
    "direction": (
        asked(ones(direction="reverse"), network=GRU),
        "direction",
        "matches_nothing",
        ["forward"],
    ),
    "gate of another network": (
        asked(ones(gate="forget"), network=GRU),
        "gate",
        "matches_nothing",
        ["reset", "update", "new"],
    ),
    "gate of a plain rnn": (asked(ones(gate="new"), network=RNN), "gate", "matches_nothing", []),
    "gate of a projection": (
        asked({"parameter": "weight_hr", "gate": "cell", "init": "ones"}),
        "gate",
        "matches_nothing",
        [],
    ),
    "projection": (
        asked({"parameter": "weight_hr", "init": "ones"}, network=GRU),
        "parameter",
        "matches_nothing",
        ["weight_ih", "weight_hh", "bias"],
    ),
    "bias": (
        asked({"parameter": "bias", "init": "zeros"}, network=GRU | {"bias": False}),
        "parameter",
        "matches_nothing",
        ["weight_ih", "weight_hh"],
    ),
    "parameter": (
        asked({"parameter": "weights", "init": "ones"}),
        "parameter",
        "union_tag_invalid",
        ["weight_ih", "weight_hh", "weight_hr", "bias"],
    ),
    "scheme": (
        asked({"parameter": "bias", "init": "forget"}, network=RNN),
        "init",
        "undefined_scheme",
        ["pytorch", "zeros", "constant", "array", "uniform", "normal"],
    ),
    "bounds": (
        asked({"parameter": "weight_ih", "init": {"scheme": "uniform", "low": 2, "high": 1}}),
        "init/low",
        "low_not_below_high",
        "less than 1.0",
    ),
    "field": (
        asked(ones(layers=1)),
        "layers",
        "extra_forbidden",
        ["layer", "direction", "gate", "parameter", "init"],
    ),
}


class TestRefusals:
    @pytest.mark.parametrize(("given", "field", "code", "allowed"), REFUSED.values(), ids=REFUSED)
    def test_name_the_field_and_what_there_is(
        self, given: dict[str, Any], field: str, code: str, allowed: Any
    ) -> None:
        error = wrong(given)

        assert (error.pointer, error.code) == (f"/init/overrides/0/{field}", code)
        assert error.allowed == allowed

    @pytest.mark.parametrize("layer", ["middle", -1, 1.0, True, [2, 1], [0, 1, 2], 1024, {}])
    def test_of_what_is_no_layer_say_what_is(self, layer: Any) -> None:
        error = wrong(asked(ones(layer=layer)))

        assert (error.pointer, error.code) == ("/init/overrides/0/layer", "not_a_layer")

    def test_of_an_override_that_comes_too_late_name_it(self) -> None:
        error = wrong(asked(ones(), ones(layer=0)))

        assert (error.pointer, error.code) == ("/init/overrides/1", "matches_nothing")
        assert "the first match wins" in error.detail

    @pytest.mark.parametrize(
        ("given", "number"),
        [
            (asked(ones(gate="cell"), weight_hh={"scheme": "orthogonal", "scope": "fused"}), 0),
            (asked(ones(gate="cell") | {"init": {"scheme": "ones", "scope": "fused"}}), 0),
            (asked(ones(gate="cell"), ones() | {"init": {"scheme": "zeros", "scope": "fused"}}), 1),
        ],
    )
    def test_of_a_gate_of_a_fused_draw_say_why(self, given: dict[str, Any], number: int) -> None:
        error = wrong(given)

        assert (error.pointer, error.code) == (f"/init/overrides/{number}", "part_of_fused")

    def test_of_too_many_say_how_many_there_may_be(self) -> None:
        error = wrong(asked(*[ones(layer=0)] * 17))

        assert (error.pointer, error.code) == ("/init/overrides", "too_long")
        assert error.allowed == 16
