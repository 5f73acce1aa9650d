"""What is said of names that nothing has: the reason, the name it has here, or what was probably
meant.
"""

from __future__ import annotations

from typing import Any

import pytest

from stepzero_rnn.errors import InvalidSpec
from stepzero_rnn.spec.checkpoint import CheckpointRequest
from stepzero_rnn.spec.hints import ALIASES, UNDEFINED
from stepzero_rnn.spec.parse import parse
from stepzero_rnn.spec.schemes.presets import PRESETS
from stepzero_rnn.spec.schemes.unions import BIAS_SCHEMES, WEIGHT_SCHEMES

GRU = {"rnn_type": "gru", "input_size": 3, "hidden_size": 4}
KNOWN = {*WEIGHT_SCHEMES, *BIAS_SCHEMES, *PRESETS}


def said(**given: Any) -> str:
    """Ask for something with one wrong field; give what is said of it."""
    with pytest.raises(InvalidSpec) as refused:
        parse(CheckpointRequest, GRU | given)
    (error,) = refused.value.facts["errors"]
    return str(error["detail"])


def everywhere(name: str) -> list[str]:
    """Ask for a scheme in every form that a request can have; give what is said of it."""
    override = {"parameter": "weight_hh", "init": name}
    forms: list[Any] = [
        *(name, {"scheme": name}, {"weight_hh": name}, {"weight_hh": {"scheme": name}}),
        *({"bias": name}, {"bias": {"scheme": name}}, {"overrides": [override]}),
    ]
    return [said(init=form) for form in forms]


@pytest.mark.parametrize("name", UNDEFINED)
def test_a_scheme_that_cannot_be_had_is_refused_with_the_reason_and_what_to_use_instead(
    name: str,
) -> None:
    reason, instead = UNDEFINED[name]

    for detail in everywhere(name):
        assert f"{name} is undefined here: {reason}; use {instead}" in detail


@pytest.mark.parametrize(("name", "ours"), ALIASES.items())
def test_a_scheme_of_another_name_is_told_with_its_name_here(name: str, ours: str) -> None:
    assert f"did you mean {ours!r}?" in said(init={"weight_ih": {"scheme": name}})


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"init": "orthogonol"}, "orthogonal"),
        ({"init": {"scheme": "Xavier-Uniform"}}, "xavier_uniform"),
        ({"init": {"bias": {"scheme": "chronos"}}}, "chrono"),
        ({"init": "kears"}, "keras"),
        ({"init": {"preset": "Keras"}}, "keras"),
        ({"init": "orthogonal_"}, "orthogonal"),
        ({"rnn_type": "GRU"}, "gru"),
        ({"dtype": "bfloat"}, "bfloat16"),
        ({"init": {"overrides": [{"parameter": "weights_hh", "init": "ones"}]}}, "weight_hh"),
    ],
)
def test_a_misspelt_name_is_told_with_the_nearest(given: dict[str, Any], meant: str) -> None:
    assert f"did you mean {meant!r}?" in said(**given)


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        ("forget", 'forget is for biases, as in "init": {"bias": "forget"}'),
        (
            "chrono",
            'chrono is for biases, as in "init": {"bias": {"scheme": "chrono", "t_max": …}}',
        ),
        ({"bias": "ones"}, 'ones is for weights, as in "init": {"weight_hh": "ones"}'),
        (
            {"weight_hh": "keras"},
            'keras is a preset for whole networks, as in "init": {"preset": "keras"}',
        ),
        (
            {"weight_hh": "torch_seeded"},
            'torch_seeded is a script, which fills a whole network, as in "init": "torch_seeded"',
        ),
        (
            {"weight_hh": "constant"},
            'constant has required fields, as in {"scheme": "constant", "value": …}',
        ),
    ],
)
def test_a_name_that_stands_where_it_means_nothing_is_told_with_its_place(
    given: Any, detail: str
) -> None:
    assert said(init=given) == detail


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"hiddensize": 4}, "hidden_size"),
        ({"init": {"wieght_hh": "zeros"}}, "weight_hh"),
        ({"init": {"scheme": "orthogonal", "gian": 2}}, "gain"),
        ({"init": {"overrides": [{"parameter": "bias", "init": "zeros", "gat": 1}]}}, "gate"),
    ],
)
def test_a_misspelt_key_is_told_with_the_nearest(given: dict[str, Any], meant: str) -> None:
    assert f"did you mean {meant!r}?" in said(**given)


def test_a_scheme_without_its_name_is_told_to_lack_it() -> None:
    with pytest.raises(InvalidSpec) as refused:
        parse(CheckpointRequest, GRU | {"init": {"gain": 2}})

    assert refused.value.detail == (
        "/init/scheme: the field scheme is missing; "
        "allowed: pytorch, uniform, normal, trunc_normal, constant, array, zeros, ones and 28 more"
    )


def test_what_helps_stands_first_and_a_long_list_once_and_short() -> None:
    with pytest.raises(InvalidSpec) as refused:
        parse(CheckpointRequest, GRU | {"init": "orthogonol"})

    assert refused.value.detail == (
        "/init: did you mean 'orthogonal'? 'orthogonol' is unknown; "
        "allowed: pytorch, uniform, normal, trunc_normal, zeros, ones, identity, xavier_uniform and 45 more"
    )


def test_no_sentence_has_a_pointers_escapes() -> None:
    with pytest.raises(InvalidSpec) as refused:
        parse(CheckpointRequest, GRU | {"a/b~c": 1})

    assert refused.value.detail.startswith("/a/b~c: 'a/b~c' is unknown")


def test_a_name_that_is_near_to_nothing_is_told_with_the_list_alone() -> None:
    assert "did you mean" not in said(init="qqqq")


def test_a_very_long_name_is_answered_at_once() -> None:
    assert "did you mean" not in said(init="q" * 50_000)


def test_no_scheme_is_both_known_and_undefined() -> None:
    assert not KNOWN & {*UNDEFINED}
    assert not KNOWN & {*ALIASES}
    assert {*ALIASES.values()} <= KNOWN
