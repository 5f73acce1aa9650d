"""Numbers in the recipe: their shapes, and what is said where they do not fit."""

from __future__ import annotations

from math import sqrt
from typing import Any

import pytest

import stepzero_rnn
from stepzero_rnn.errors import FieldError, InvalidSpec, RecipeTooLong
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.parse import parse, parse_json
from stepzero_rnn.spec.recipe import decode_recipe, encode_recipe
from stepzero_rnn.spec.schemes.inline import Array

GRU = {"rnn_type": "gru", "input_size": 3, "hidden_size": 2}
EYE = [[1.0, 0.0], [0.0, 1.0]]


def array(numbers: Any, **options: Any) -> dict[str, Any]:
    """Return numbers as a scheme."""
    return {"scheme": "array", "values": numbers, **options}


def wrong(init: Any, **network: Any) -> FieldError:
    """Return the one field that is wrong."""
    with pytest.raises(InvalidSpec) as caught:
        parse(Spec, GRU | network | {"init": init})
    (error,) = caught.value.facts["errors"]
    return FieldError(**error)


class TestShapes:
    @pytest.mark.parametrize(
        ("numbers", "cause"),
        [
            ([[1, 2], [3, 4], [5, 6]], "that is the transpose: PyTorch's weights are (out, in)"),
            ([[1, 2, 3]] * 6, "that is the shape of all gates: use scope `fused`"),
            ([[1, 2, 3, 4]], "if layers differ in shape, use an override for each"),
        ],
    )
    def test_that_do_not_fit_say_the_likely_cause(self, numbers: Any, cause: str) -> None:
        error = wrong({"weight_ih": array(numbers)})

        assert error.pointer == "/init/weight_ih/values"
        assert error.code == "shape_mismatch"
        assert error.allowed == [2, 3]
        assert "weight_ih_l0.reset has shape (2, 3), but the values have" in error.detail
        assert cause in error.detail

    def test_of_one_gate_do_not_fill_a_stacked_matrix(self) -> None:
        error = wrong({"weight_hh": array(EYE, scope="fused")})

        assert error.allowed == [6, 2]
        assert "that is the shape of one gate: select it in an override" in error.detail

    def test_of_all_gates_are_no_total_of_one(self) -> None:
        error = wrong({"bias": array([0.0] * 6)})

        assert (error.pointer, error.allowed) == ("/init/bias/values", [2])
        assert (
            "bias_l0.reset has shape (2,), but the values have (6,); that is the shape of all gates"
            in error.detail
        )

    def test_name_the_first_place_where_they_do_not_fit(self) -> None:
        error = wrong(
            {"weight_ih": array([[1, 2, 3], [4, 5, 6]])}, num_layers=2, bidirectional=True
        )

        assert "weight_ih_l1.reset has shape (2, 4)" in error.detail

    def test_of_an_override_point_at_it(self) -> None:
        right = {"parameter": "weight_hh", "gate": "new", "init": array(EYE)}
        error = wrong({"overrides": [right, {"parameter": "weight_ih", "init": array(EYE)}]})

        assert error.pointer == "/init/overrides/1/init/values"

    def test_of_one_scheme_for_all_weights_fit_all_or_none(self) -> None:
        assert wrong(array(EYE)).pointer == "/init/values"
        assert parse(Spec, GRU | {"input_size": 2, "init": array(EYE)}).init == parse(
            Array, array(EYE)
        )

    def test_of_a_reverse_direction_are_named_by_it(self) -> None:
        narrow = {"parameter": "weight_hh", "direction": "reverse", "init": array([[1.0]])}

        assert (
            "weight_hh_l0_reverse.reset"
            in wrong({"overrides": [narrow]}, bidirectional=True).detail
        )

    def test_are_left_alone_where_a_size_is_wrong_already(self) -> None:
        assert wrong({"weight_hh": array(EYE)}, hidden_size=0).pointer == "/hidden_size"


class TestValues:
    @pytest.mark.parametrize(
        ("numbers", "pointer", "code"),
        [
            (3, "", "not_numbers"),
            ([], "", "not_numbers"),
            ([1, 2], "/0", "not_numbers"),
            ([[]], "/0", "not_numbers"),
            ([[1, "2"]], "/0/1", "not_numbers"),
            ([[True, 1]], "/0/0", "not_numbers"),
            ([[1, 10**400]], "/0/1", "not_numbers"),
            ([[1, float("inf")]], "/0/1", "not_numbers"),
            ([[1, 2], [None] * 9999], "/1/0", "not_numbers"),
            ([[1, 2], [1]], "/1", "ragged"),
        ],
    )
    def test_of_a_weight_are_rows_of_finite_numbers(
        self, numbers: Any, pointer: str, code: str
    ) -> None:
        error = wrong({"weight_hh": array(numbers)})

        assert (error.pointer, error.code) == ("/init/weight_hh/values" + pointer, code)

    @pytest.mark.parametrize("numbers", [3, [], [[1]], [None], ["1"]])
    def test_of_a_bias_are_finite_numbers(self, numbers: Any) -> None:
        assert wrong({"bias": array(numbers)}).code == "not_numbers"

    def test_are_whole_in_a_token(self) -> None:
        spec = parse(Spec, GRU | {"init": {"weight_hh": array([[1 / 3, 1e300], [5e-324, -7]])}})

        assert decode_recipe(encode_recipe(spec)) == spec

    def test_are_the_nearest_to_their_decimals(self) -> None:
        text = '{"rnn_type":"rnn","input_size":1,"hidden_size":1,"init":{"weight_hh":{"scheme":"array",'
        spec = parse_json(Spec, text + '"values":[[0.1000000000000000055511151231257827]]}}}')

        assert (
            stepzero_rnn.state_dict(spec.model_copy(update={"dtype": "float64"}))["weight_hh_l0"]
            == 0.1
        )


class TestTooMany:
    @pytest.mark.parametrize(("size", "unit"), [(16, "packed characters"), (64, "bytes of JSON")])
    def test_for_an_address_are_refused_with_the_way_out(self, size: int, unit: str) -> None:
        rows = [[sqrt(2 + k + size * r) for k in range(size)] for r in range(size)]
        spec = parse(Spec, GRU | {"hidden_size": size, "init": {"weight_hh": array(rows)}})
        with pytest.raises(
            RecipeTooLong, match=f"{unit}; .* Upload its arrays as files"
        ) as refused:
            encode_recipe(spec)

        assert refused.value.facts["length"] > refused.value.facts["limit"]

    def test_are_refused_before_anything_is_drawn(self) -> None:
        rows = [[sqrt(2 + k + 40 * r) for k in range(40)] for r in range(40)]
        with pytest.raises(RecipeTooLong):
            next(stepzero_rnn.stream(GRU | {"hidden_size": 40, "init": {"weight_hh": array(rows)}}))
