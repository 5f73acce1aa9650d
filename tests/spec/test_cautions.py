"""What is allowed but seldom meant is told with its place, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as over
from hypothesis import settings

from stepzero_rnn.spec.canonical import canonical
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.parse import parse
from stepzero_rnn.spec.spec_warnings import spec_warnings, upload_warnings
from tests.spec.strategies import specs

RNN = {"rnn_type": "rnn", "input_size": 3, "hidden_size": 4}
LSTM = RNN | {"rnn_type": "lstm", "num_layers": 2}
CONSTANT = {"scheme": "constant", "value": 0.1}
IDENTITY = {"parameter": "weight_hh", "layer": 0, "init": "identity"}


def told(given: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the code and place of all that is told."""
    return [(warning.code, warning.pointer) for warning in spec_warnings(parse(Spec, given))]


TOLD = [
    (RNN | {"init": {"weight_hh": "identity"}}, "identity_under_tanh", "/init/weight_hh"),
    (RNN | {"init": {"weight_hh": "scaled_identity"}}, "identity_under_tanh", "/init/weight_hh"),
    (RNN | {"init": "identity"}, "identity_under_tanh", "/init/weight_hh"),
    (RNN | {"init": {"overrides": [IDENTITY]}}, "identity_under_tanh", "/init/overrides/0"),
    (LSTM | {"init": {"weight_ih": "hadamard"}}, "equal_gates", "/init/weight_ih"),
    (LSTM | {"init": {"weight_hh": "hadamard"}}, "equal_gates", "/init/weight_hh"),
    (LSTM | {"init": CONSTANT}, "equal_units", "/init/weight_ih"),
    (LSTM | {"init": "zeros"}, "equal_units", "/init/weight_ih"),
    (
        RNN | {"bias": False, "init": {"weight_ih": "ones", "weight_hh": "zeros"}},
        "equal_units",
        "/init/weight_ih",
    ),
]
QUIET: list[dict[str, Any]] = [
    LSTM,
    RNN | {"nonlinearity": "relu", "init": {"weight_hh": "identity"}},
    RNN | {"init": "irnn", "nonlinearity": "relu"},
    RNN | {"init": {"weight_hh": {"scheme": "scaled_identity", "alpha": 0.95}}},
    LSTM | {"init": {"weight_hh": "identity"}},
    LSTM | {"init": {"weight_ih": {"scheme": "hadamard", "scope": "fused"}}},
    LSTM
    | {"init": {"overrides": [{"parameter": "weight_ih", "gate": "cell", "init": "hadamard"}]}},
    RNN | {"init": {"weight_ih": "hadamard"}},
    LSTM | {"init": {"weight_ih": "zeros", "weight_hh": "zeros", "bias": "pytorch"}},
    LSTM | {"hidden_size": 1, "init": "ones"},
    RNN | {"init": "torch_seeded"},
]


@pytest.mark.parametrize(("given", "code", "pointer"), TOLD)
def test_what_is_seldom_meant_is_told_once_with_its_place(
    given: dict[str, Any], code: str, pointer: str
) -> None:
    assert told(given) == [(code, pointer)]


@pytest.mark.parametrize("given", QUIET)
def test_what_is_meant_is_told_nothing_of(given: dict[str, Any]) -> None:
    assert told(given) == []


ASSUMED_OF: list[tuple[str, dict[str, Any], list[str] | None, list[str]]] = [
    ("onnx", {"rnn_type": "gru"}, None, ["assumed_linear_before_reset", "assumed_attributes"]),
    ("onnx", {"rnn_type": "lstm"}, None, ["assumed_attributes"]),
    ("onnx", {"rnn_type": "rnn"}, None, ["assumed_attributes", "assumed_nonlinearity"]),
    ("keras", {"rnn_type": "gru"}, None, ["assumed_sigmoid", "assumed_forward"]),
    (
        "keras",
        {"rnn_type": "gru", "bias": False},
        None,
        ["assumed_reset_after", "assumed_sigmoid", "assumed_forward"],
    ),
    ("keras", {"rnn_type": "lstm"}, None, ["assumed_sigmoid", "assumed_forward"]),
    ("keras", {"rnn_type": "lstm", "bidirectional": True}, None, ["assumed_sigmoid"]),
    ("keras", {"rnn_type": "rnn"}, None, ["assumed_nonlinearity", "assumed_forward"]),
    ("sonnet", {"rnn_type": "rnn"}, None, ["assumed_nonlinearity"]),
    ("tf1", {"rnn_type": "lstm"}, None, ["assumed_forget_bias", "assumed_activations"]),
    ("haiku", {"rnn_type": "rnn"}, None, ["assumed_tanh"]),
    ("haiku", {"rnn_type": "rnn", "nonlinearity": "relu"}, None, []),
    (
        "flax",
        {"rnn_type": "lstm"},
        ["weight_ih_l0", "bias_ih_l0"],
        ["assumed_activations", "recurrence_drawn"],
    ),
    ("pytorch", {"rnn_type": "gru"}, ["weight_ih_l0"], []),
]


@pytest.mark.parametrize(("layout", "fields", "given", "codes"), ASSUMED_OF)
def test_what_no_array_tells_is_told_of_an_upload(
    layout: Any, fields: dict[str, Any], given: list[str] | None, codes: list[str]
) -> None:
    arrays = {"sha256": "0" * 64} | ({"given": given} if given else {})
    recipe = parse(Spec, RNN | fields | {"init": {"arrays": arrays}})

    assert [warning.code for warning in upload_warnings(recipe, layout)] == codes
    assert spec_warnings(recipe) == []


@over(specs())
@settings(max_examples=50, deadline=None)
def test_the_place_stands_in_the_canonical_spec(spec: Spec) -> None:
    for warning in spec_warnings(spec):
        found: Any = canonical(spec)
        for step in warning.pointer.split("/")[1:]:
            found = found[int(step) if isinstance(found, list) else step]
