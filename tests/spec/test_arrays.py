"""Uploaded arrays in the recipe: one text for one set of weights, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from stepzero_rnn.errors import FieldError, InvalidSpec
from stepzero_rnn.spec.arrays import Arrays
from stepzero_rnn.spec.canonical import canonical, with_arrays
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.parse import parse
from stepzero_rnn.spec.recipe import decode_recipe, encode_recipe

SHA256 = "0123456789abcdef" * 4
LSTM = {"rnn_type": "lstm", "input_size": 3, "hidden_size": 4, "num_layers": 2}
GRU = LSTM | {"rnn_type": "gru", "num_layers": 1}
ALL = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]


def asked(network: dict[str, Any] = LSTM, **arrays: Any) -> dict[str, Any]:
    """Ask for a network with arrays."""
    return network | {"init": {"arrays": {"sha256": SHA256, **arrays}}}


def said(network: dict[str, Any] = LSTM, **arrays: Any) -> Any:
    """Return the arrays of the canonical recipe, without their digest."""
    found = canonical(parse(Spec, asked(network, **arrays)))["init"]["arrays"]
    assert found.pop("sha256") == SHA256
    return found


def wrong(given: dict[str, Any]) -> FieldError:
    """Return the one field that is wrong."""
    with pytest.raises(InvalidSpec) as caught:
        parse(Spec, given)
    (error,) = caught.value.facts["errors"]
    return FieldError(**error)


class TestTheRecipe:
    def test_of_a_whole_network_says_the_digest_only(self) -> None:
        assert said() == {}
        assert said(sizes={}, redraw=[]) == {}
        assert said(sizes={"hidden_size": 4, "input_size": None}) == {}

    def test_leaves_out_names_where_they_are_all(self) -> None:
        assert said(GRU, given=ALL[::-1]) == {}

    def test_puts_names_in_the_state_dicts_order(self) -> None:
        names = ["bias_hh_l0", "weight_hh_l0.new", "weight_hh_l0.reset"]

        assert said(GRU, given=names)["given"] == names[::-1]

    def test_says_which_sizes_differ(self) -> None:
        sizes = {"hidden_size": 2, "input_size": 3}

        assert said(sizes=sizes) == {"sizes": {"hidden_size": 2}}

    def test_says_parts_in_one_way(self) -> None:
        one = [{"parameter": "weight_hh", "layer": [0, 1]}, {"parameter": "bias", "layer": "last"}]
        other = [
            {"parameter": "bias", "layer": 1, "direction": "forward"},
            {"parameter": "weight_hh"},
        ]

        assert said(redraw=one) == said(redraw=[*other, *one])

    def test_is_whole_in_a_token(self) -> None:
        spec = parse(Spec, asked(sizes={"hidden_size": 2}, redraw=[{"parameter": "weight_hh"}]))

        assert decode_recipe(encode_recipe(spec)) == spec

    def test_has_a_short_token(self) -> None:
        assert len(encode_recipe(parse(Spec, asked()))) < 150

    @pytest.mark.parametrize(
        "init", ["orthogonal", {"scheme": "orthogonal"}, {"weight_ih": "zeros"}]
    )
    def test_takes_arrays_beside_any_init(self, init: Any) -> None:
        plain = parse(Spec, LSTM | {"init": init})
        spec = with_arrays(plain, Arrays(sha256=SHA256))

        assert canonical(spec)["init"] == canonical(plain)["init"] | {"arrays": {"sha256": SHA256}}


class TestRefusals:
    @pytest.mark.parametrize("sha256", ["", "ab", SHA256.upper(), SHA256 + "0", SHA256 + "\n", 3])
    def test_of_what_is_no_digest(self, sha256: Any) -> None:
        assert (
            wrong(LSTM | {"init": {"arrays": {"sha256": sha256}}}).pointer == "/init/arrays/sha256"
        )

    @pytest.mark.parametrize(
        ("sizes", "name"),
        [
            ({"hidden_size": 5}, "hidden_size"),
            ({"input_size": 4}, "input_size"),
            ({"num_layers": 3}, "num_layers"),
            ({"proj_size": 2}, "proj_size"),
        ],
    )
    def test_of_a_network_that_would_shrink(self, sizes: Any, name: str) -> None:
        error = wrong(asked(sizes=sizes))

        assert (error.pointer, error.code) == (f"/init/arrays/sizes/{name}", "not_grown")

    def test_of_a_network_that_would_get_a_projection(self) -> None:
        error = wrong(asked(LSTM | {"proj_size": 2}, sizes={"proj_size": 0}))

        assert (error.pointer, error.code) == ("/init/arrays/sizes/proj_size", "not_grown")

    @pytest.mark.parametrize(
        ("names", "number"),
        [
            (["weight_ih_l2"], 0),
            (["weight_ih_l0", "weight_hr_l0"], 1),
            (["weight_ih_l0_reverse"], 0),
            (["weight_ih_l0.update"], 0),
            (["weight_ih_l0.f"], 0),
            (["bias_l0"], 0),
            ([""], 0),
        ],
    )
    def test_of_a_name_that_the_network_lacks(self, names: list[str], number: int) -> None:
        error = wrong(asked(given=names))

        assert (error.pointer, error.code) == (f"/init/arrays/given/{number}", "unknown_array")

    def test_of_a_name_that_the_arrays_network_lacks(self) -> None:
        error = wrong(asked(given=["weight_ih_l1"], sizes={"num_layers": 1}))

        assert error.code == "unknown_array"

    @pytest.mark.parametrize(
        ("names", "number"),
        [
            (["bias_ih_l0", "bias_ih_l0"], 1),
            (["weight_ih_l0", "weight_ih_l0.cell"], 1),
            (["weight_ih_l0.cell", "weight_ih_l0"], 0),
        ],
    )
    def test_of_a_number_that_is_given_twice(self, names: list[str], number: int) -> None:
        error = wrong(asked(given=names))

        assert (error.pointer, error.code) == (f"/init/arrays/given/{number}", "given_twice")

    @pytest.mark.parametrize(
        ("part", "field"),
        [
            ({"parameter": "weight_hr"}, "parameter"),
            ({"parameter": "weight_hh", "layer": 2}, "layer"),
            ({"parameter": "weight_hh", "direction": "reverse"}, "direction"),
            ({"parameter": "weight_hh", "gate": "update"}, "gate"),
        ],
    )
    def test_of_a_part_that_the_network_lacks(self, part: Any, field: str) -> None:
        error = wrong(asked(redraw=[{"parameter": "bias"}, part]))

        assert (error.pointer, error.code) == (f"/init/arrays/redraw/1/{field}", "matches_nothing")

    @pytest.mark.parametrize("init", ["numpy_randn", {"scheme": "torch_seeded"}])
    def test_of_arrays_over_a_script(self, init: Any) -> None:
        with pytest.raises(InvalidSpec, match="combine arrays with schemes or a preset"):
            with_arrays(parse(Spec, LSTM | {"init": init}), Arrays(sha256=SHA256))

    @pytest.mark.parametrize(
        ("arrays", "field"),
        [
            ({"layout": "keras"}, "layout"),
            ({"redraw": [{"parameter": "bias_ih"}]}, "redraw/0/parameter"),
            ({"sizes": {"seed": 3}}, "sizes/seed"),
            ({"given": "weight_ih_l0"}, "given"),
        ],
    )
    def test_of_other_fields(self, arrays: Any, field: str) -> None:
        assert wrong(asked(**arrays)).pointer == f"/init/arrays/{field}"
