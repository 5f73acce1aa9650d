"""Warnings: settings that are valid but rarely intended.  They depend on the recipe alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Annotated

from pydantic import Field

from stepzero_rnn.spec.arrays import LayoutName, whole_names
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.networks import WHOLE
from stepzero_rnn.spec.overrides import Place
from stepzero_rnn.spec.schemes.biases import ConstantBias, ForgetBias, ZerosBias
from stepzero_rnn.spec.schemes.matrices import ScaledIdentity
from stepzero_rnn.spec.schemes.weights import Constant, Hadamard, Identity, Ones, Zeros


@dataclass(frozen=True, slots=True)
class SpecWarning:
    """A valid setting that is rarely intended."""

    code: Annotated[str, Field(description="Stable identifier.", examples=["identity_under_tanh"])]
    pointer: Annotated[str, Field(description="JSON pointer into the canonical spec.")]
    detail: str


def spec_warnings(spec: Spec) -> list[SpecWarning]:
    """Return the warnings about a recipe, each at most once per place of the spec."""
    if spec.script is not None or spec.arrays is not None:
        return []  # the rules are about schemes
    unique = {(c.code, c.pointer): c for rule in RULES for c in rule(spec)}
    return list(unique.values())


def upload_warnings(
    recipe: Spec, layout: LayoutName, *, in_graphs: bool = False
) -> list[SpecWarning]:
    """Return the assumptions about newly uploaded arrays that the arrays themselves do not record.

    A recipe does not keep the layout, so they are reported at the upload only.

    Args:
        in_graphs: the arrays came in ONNX graphs, whose nodes record more, and were checked.
    """
    arrays, rnn_type = recipe.arrays, recipe.rnn_type
    if arrays is None or layout == "pytorch":
        return []
    names = arrays.names or whole_names(arrays, recipe.network)
    kinds = {name.partition("_l")[0] for name in names}
    has_bias = not kinds.isdisjoint({"bias_ih", "bias_hh"})
    found = [
        SpecWarning(assumed.code, "/layout", assumed.detail)
        for assumed in ASSUMED
        if (layout, rnn_type) in assumed.of
        and not (assumed.without_bias and has_bias)
        and not (assumed.of_nodes and in_graphs)
    ]
    if (layout, rnn_type) == ("haiku", "rnn") and recipe.nonlinearity != "relu":
        detail = "Haiku's VanillaRNN uses relu, but this network uses tanh"
        found.append(SpecWarning("assumed_tanh", "/nonlinearity", detail))
    if rnn_type == "rnn" and layout != "haiku":
        detail = (
            f"read as a network with {recipe.nonlinearity}, the value of nonlinearity; "
            "the arrays do not record the activation"
        )
        found.append(SpecWarning("assumed_nonlinearity", "/nonlinearity", detail))
    if layout == "keras" and not recipe.bidirectional:
        detail = (
            "read as go_backwards=False, which processes a sequence from its beginning; "
            "the arrays do not record it"
        )
        found.append(SpecWarning("assumed_forward", "/layout", detail))
    if "weight_ih" in kinds and "weight_hh" not in kinds:
        detail = (
            "the arrays contain no recurrent matrix, so all of them are drawn; a trained network "
            "has one"
        )
        found.append(SpecWarning("recurrence_drawn", "/init/weight_hh", detail))
    return found


@dataclass(frozen=True, slots=True)
class Assumed:
    """An assumption about the arrays of some layouts and networks; some only without a bias, or
    without the nodes of their graph.
    """

    code: str
    of: frozenset[tuple[str, str]]
    detail: str
    without_bias: bool = False
    of_nodes: bool = False


ASSUMED = (
    Assumed(
        "assumed_linear_before_reset",
        frozenset({("onnx", "gru")}),
        "read as linear_before_reset=1, the only variant that PyTorch computes; the operator's "
        "default is 0, and the arrays do not record it: check the node's attributes",
        of_nodes=True,
    ),
    Assumed(
        "assumed_reset_after",
        frozenset({("keras", "gru")}),
        "read as reset_after=True, since without a bias the arrays do not record it; PyTorch "
        "cannot compute reset_after=False",
        without_bias=True,
    ),
    Assumed(
        "assumed_sigmoid",
        frozenset({("keras", "lstm"), ("keras", "gru")}),
        'read as activation="tanh" and recurrent_activation="sigmoid"; the default of Keras before '
        '2.3 was "hard_sigmoid", which PyTorch does not compute, and the arrays do not record it: '
        "check the layer's config",
    ),
    Assumed(
        "assumed_forget_bias",
        frozenset({("tf1", "lstm")}),
        "1 is added to the forget gate's bias, as with forget_bias=1, the default of TensorFlow 1's "
        "cells, which add it at run time; the arrays do not record it, except for those named like "
        "CudnnCompatibleLSTMCell's, which adds none",
    ),
    Assumed(
        "assumed_attributes",
        frozenset({("onnx", "lstm"), ("onnx", "gru"), ("onnx", "rnn")}),
        "read as direction forward or bidirectional, not reverse, and without clip, input_forget, "
        "peepholes (P) or activations other than PyTorch's; the arrays do not record these: "
        "check the node's attributes",
        of_nodes=True,
    ),
    Assumed(
        "assumed_activations",
        frozenset({("flax", "lstm"), ("flax", "gru"), ("tf1", "lstm")}),
        "read with the default activations, tanh, and sigmoid in the gates; the arrays do not "
        "record them",
    ),
)


def _identity_under_tanh(spec: Spec) -> Iterator[SpecWarning]:
    if spec.rnn_type != "rnn" or spec.nonlinearity == "relu":
        return
    for layer, reverse in spec.network.cells():
        place = (layer, reverse, WHOLE)
        scheme = spec.scheme_at("weight_hh", place)
        plain = isinstance(scheme, Identity) and scheme.gain == 1
        if plain or (isinstance(scheme, ScaledIdentity) and scheme.alpha == 1):
            yield SpecWarning(
                "identity_under_tanh",
                _pointer(spec, "weight_hh", place),
                "the identity preserves the state only with relu, as in IRNN; tanh shrinks it at "
                "every step: use nonlinearity relu, or orthogonal or critical",
            )


def _equal_gates(spec: Spec) -> Iterator[SpecWarning]:
    for (layer, reverse), name in product(spec.network.cells(), ("weight_ih", "weight_hh")):
        places = [(layer, reverse, gate) for gate in spec.network.rnn.letters]
        schemes = [spec.scheme_at(name, place) for place in places]
        alike = [scheme for scheme in schemes if isinstance(scheme, Hadamard)]
        if len(alike) > 1 and alike[0].scope == "gate":
            number = next(i for i, scheme in enumerate(schemes) if isinstance(scheme, Hadamard))
            yield SpecWarning(
                "equal_gates",
                _pointer(spec, name, places[number]),
                "hadamard uses no random numbers, so the blocks of these gates are equal; scope "
                "fused gives them parts of one matrix, an override a different scheme",
            )


def _equal_units(spec: Spec) -> Iterator[SpecWarning]:
    for layer, reverse in spec.network.cells():
        places = [(layer, reverse, gate) for gate in spec.network.rnn.letters]
        weights = [spec.scheme_at(name, at) for at in places for name in ("weight_ih", "weight_hh")]
        biases = [spec.scheme_at("bias", at) for at in places] if spec.bias else []
        same = all(isinstance(scheme, Zeros | Ones | Constant) for scheme in weights)
        if spec.hidden_size > 1 and same and all(isinstance(b, FLAT) for b in biases):
            yield SpecWarning(
                "equal_units",
                _pointer(spec, "weight_ih", places[0]),
                "all units of a layer start equal, receive equal gradients, and so stay equal: "
                "draw one of its weights, or its biases, at random",
            )


FLAT = ZerosBias | ConstantBias | ForgetBias
RULES: tuple[Callable[[Spec], Iterator[SpecWarning]], ...] = (
    _identity_under_tanh,
    _equal_gates,
    _equal_units,
)


def _pointer(spec: Spec, parameter: str, place: Place) -> str:
    number = spec.override_at(parameter, place)
    return f"/init/{parameter}" if number is None else f"/init/overrides/{number}"
