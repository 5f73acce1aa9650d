"""Scripts in a recipe: one text for all spellings, and refusals of what their libraries would
refuse.
"""

from __future__ import annotations

from typing import Any

import pytest

from stepzero_rnn.errors import InvalidSpec
from stepzero_rnn.spec.canonical import canonical
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.parse import parse
from stepzero_rnn.spec.recipe import decode_recipe, encode_recipe

LSTM = {"rnn_type": "lstm", "input_size": 6, "hidden_size": 8}


def torch_seeded(**calls: Any) -> dict[str, Any]:
    return {"scheme": "torch_seeded", **calls}


def refused(given: dict[str, Any]) -> tuple[str, str, Any]:
    """Return the pointer, code and allowed of the one error."""
    with pytest.raises(InvalidSpec) as caught:
        parse(Spec, given)
    (error,) = caught.value.facts["errors"]
    return error["pointer"], error["code"], error["allowed"]


@pytest.mark.parametrize(
    ("init", "said"),
    [
        ("numpy_randn", "numpy_randn"),
        ({"scheme": "numpy_randn", "scale": 1.0}, "numpy_randn"),
        ("torch_seeded", "torch_seeded"),
        (torch_seeded(weight_hh=None), "torch_seeded"),
        (
            torch_seeded(weight_hh="orthogonal_"),
            torch_seeded(weight_hh={"function": "orthogonal_"}),
        ),
        (
            torch_seeded(weight_hh={"function": "orthogonal_", "gain": 1}),
            torch_seeded(weight_hh={"function": "orthogonal_"}),
        ),
        (
            torch_seeded(bias_hh={"function": "constant_", "val": 0}),
            torch_seeded(bias_hh={"function": "constant_", "val": 0.0}),
        ),
    ],
)
def test_a_script_has_one_text_for_all_spellings(init: Any, said: Any) -> None:
    spec = parse(Spec, LSTM | {"init": init})

    assert canonical(spec)["init"] == said
    assert decode_recipe(encode_recipe(spec)) == parse(Spec, LSTM | {"init": said})


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (
            {"init": "numpy_randn", "seed": 2**32},
            ("/init/scheme", "seed_too_large", "a seed of at most 4294967295"),
        ),
        (
            {"init": torch_seeded(weight_hh="sparse_")},
            ("/init/weight_hh/function", "literal_error", None),
        ),
        (
            {"init": torch_seeded(weight_hh={"function": "orthogonal_", "std": 1})},
            ("/init/weight_hh/std", "unknown_argument", ["gain"]),
        ),
        (
            {"init": torch_seeded(bias_ih="constant_")},
            ("/init/bias_ih/val", "missing", None),
        ),
        (
            {"init": torch_seeded(weight_ih={"function": "uniform_", "a": 2})},
            ("/init/weight_ih/a", "low_not_below_high", "less than 1"),
        ),
        (
            {"init": torch_seeded(weight_ih={"function": "trunc_normal_", "a": 1.5, "std": 0.1})},
            (
                "/init/weight_ih/a",
                "far_cut",
                "cuts on both sides of the mean, or within 10 standard deviations of it",
            ),
        ),
        (
            {"init": torch_seeded(weight_ih={"function": "trunc_normal_", "std": 0})},
            ("/init/weight_ih/std", "std_of_0", None),
        ),
        (
            {"init": torch_seeded(weight_hr="ones_")},
            ("/init/weight_hr", "unused_part", None),
        ),
        (
            {"init": torch_seeded(bias_hh="ones_"), "bias": False},
            ("/init/bias_hh", "unused_part", None),
        ),
        (
            {"init": torch_seeded(weight_hh="orthogonal_"), "dtype": "float16"},
            ("/init/weight_hh", "dtype_not_in_function", ["float32", "float64"]),
        ),
    ],
)
def test_what_its_library_would_refuse_is_refused(given: dict[str, Any], error: Any) -> None:
    pointer, code, allowed = refused(LSTM | given)

    assert (pointer, code) == error[:2]
    assert allowed == error[2] or error[2] is None


@pytest.mark.parametrize("function", ["eye_", "xavier_uniform_", "kaiming_normal_", "orthogonal_"])
def test_a_function_for_matrices_fills_no_bias(function: str) -> None:
    pointer, code, allowed = refused(LSTM | {"init": torch_seeded(bias_ih=function)})

    assert (pointer, code) == ("/init/bias_ih", "not_for_vectors")
    assert function not in allowed
    assert "zeros_" in allowed


@pytest.mark.parametrize("name", ["numpy_randn", "torch_seeded"])
def test_a_script_is_for_no_single_part(name: str) -> None:
    pointer, code, _ = refused(LSTM | {"init": {"weight_hh": {"scheme": name}}})

    assert (pointer, code) == ("/init/weight_hh/scheme", "union_tag_invalid")
