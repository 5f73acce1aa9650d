"""What is allowed but seldom meant: a function of the recipe, told beside what it describes and
refused nowhere.
"""

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
    """Something to look at again."""

    code: Annotated[str, Field(description="Never renamed.", examples=["identity_under_tanh"])]
    pointer: Annotated[str, Field(description="JSON pointer into the canonical spec.")]
    detail: str


def spec_warnings(spec: Spec) -> list[SpecWarning]:
    """Return all that is seldom meant, each once for a place of the spec."""
    if spec.script is not None or spec.arrays is not None:
        return []  # other numbers than the schemes' count
    found = {(c.code, c.pointer): c for rule in RULES for c in rule(spec)}
    return list(found.values())


def upload_warnings(recipe: Spec, layout: LayoutName) -> list[SpecWarning]:
    """Return what is taken for granted of arrays just uploaded, since no number tells it; a recipe
    does not keep their layout.
    """
    arrays, rnn_type = recipe.arrays, recipe.rnn_type
    if arrays is None or layout == "pytorch":
        return []
    names = arrays.names or whole_names(arrays, recipe.network)
    kinds = {name.partition("_l")[0] for name in names}
    has_bias = not kinds.isdisjoint({"bias_ih", "bias_hh"})
    told = [
        SpecWarning(assumed.code, "/layout", assumed.detail)
        for assumed in ASSUMED
        if (layout, rnn_type) in assumed.of and not (assumed.without_bias and has_bias)
    ]
    if (layout, rnn_type) == ("haiku", "rnn") and recipe.nonlinearity != "relu":
        detail = "Haiku's VanillaRNN is a network of relu, this one is of tanh"
        told.append(SpecWarning("assumed_tanh", "/nonlinearity", detail))
    if rnn_type == "rnn" and layout != "haiku":
        detail = f"taken as a network of {recipe.nonlinearity}, as nonlinearity says; no array tells the activation"
        told.append(SpecWarning("assumed_nonlinearity", "/nonlinearity", detail))
    if layout == "keras" and not recipe.bidirectional:
        detail = "taken as of go_backwards=False, which reads a sequence from its beginning; no array tells"
        told.append(SpecWarning("assumed_forward", "/layout", detail))
    if "weight_ih" in kinds and "weight_hh" not in kinds:
        detail = (
            "no array gives a recurrent matrix, so all of them are drawn; a trained network has one"
        )
        told.append(SpecWarning("recurrence_drawn", "/init/weight_hh", detail))
    return told


@dataclass(frozen=True, slots=True)
class Assumed:
    """What is assumed of the arrays of some layouts and networks; of some only where no bias
    tells.
    """

    code: str
    of: frozenset[tuple[str, str]]
    detail: str
    without_bias: bool = False


ASSUMED = (
    Assumed(
        "assumed_linear_before_reset",
        frozenset({("onnx", "gru")}),
        "taken as of linear_before_reset=1, the only one that PyTorch computes; the operator's default is 0, and no array tells: "
        "look at the node's attributes",
    ),
    Assumed(
        "assumed_reset_after",
        frozenset({("keras", "gru")}),
        "taken as of reset_after=True, since there is no bias that would tell; PyTorch cannot compute reset_after=False",
        without_bias=True,
    ),
    Assumed(
        "assumed_sigmoid",
        frozenset({("keras", "lstm"), ("keras", "gru")}),
        'taken as of activation="tanh" and recurrent_activation="sigmoid"; Keras before 2.3 had "hard_sigmoid" by default, which PyTorch does not '
        "compute, and no array tells: look at the layer's config",
    ),
    Assumed(
        "assumed_forget_bias",
        frozenset({("tf1", "lstm")}),
        "1 is added to the forget gate's bias, as by forget_bias=1, the default of TensorFlow 1's cells, which add it while they "
        "run; no array tells but those named as CudnnCompatibleLSTMCell names its own, which adds none",
    ),
    Assumed(
        "assumed_attributes",
        frozenset({("onnx", "lstm"), ("onnx", "gru"), ("onnx", "rnn")}),
        "taken as of direction forward or bidirectional, not reverse, and without clip, input_forget, peepholes (P) or activations other "
        "than PyTorch's; no array tells: look at the node's attributes",
    ),
    Assumed(
        "assumed_activations",
        frozenset({("flax", "lstm"), ("flax", "gru"), ("tf1", "lstm")}),
        "taken as of tanh, and sigmoid in the gates, as by default; no array tells",
    ),
)


def _identity_under_tanh(spec: Spec) -> Iterator[SpecWarning]:
    if spec.rnn_type != "rnn" or spec.nonlinearity == "relu":
        return
    for layer, reverse in _cells(spec):
        place = (layer, reverse, WHOLE)
        scheme = spec.scheme_at("weight_hh", place)
        plain = isinstance(scheme, Identity) and scheme.gain == 1
        if plain or (isinstance(scheme, ScaledIdentity) and scheme.alpha == 1):
            yield SpecWarning(
                "identity_under_tanh",
                _pointer(spec, "weight_hh", place),
                "the identity keeps a state where relu is the activation, as IRNN has it; tanh shrinks it at every step: use "
                "nonlinearity relu, or orthogonal or critical",
            )


def _equal_gates(spec: Spec) -> Iterator[SpecWarning]:
    for (layer, reverse), name in product(_cells(spec), ("weight_ih", "weight_hh")):
        places = [(layer, reverse, gate) for gate in _gates(spec)]
        schemes = [spec.scheme_at(name, place) for place in places]
        alike = [scheme for scheme in schemes if isinstance(scheme, Hadamard)]
        if len(alike) > 1 and alike[0].scope == "gate":
            number = next(i for i, scheme in enumerate(schemes) if isinstance(scheme, Hadamard))
            yield SpecWarning(
                "equal_gates",
                _pointer(spec, name, places[number]),
                "hadamard has no random numbers, so the blocks of these gates are equal; scope fused gives them parts of one "
                "matrix, an override another scheme",
            )


def _equal_units(spec: Spec) -> Iterator[SpecWarning]:
    for layer, reverse in _cells(spec):
        places = [(layer, reverse, gate) for gate in _gates(spec)]
        weights = [spec.scheme_at(name, at) for at in places for name in ("weight_ih", "weight_hh")]
        biases = [spec.scheme_at("bias", at) for at in places] if spec.bias else []
        same = all(isinstance(scheme, Zeros | Ones | Constant) for scheme in weights)
        if spec.hidden_size > 1 and same and all(isinstance(b, FLAT) for b in biases):
            yield SpecWarning(
                "equal_units",
                _pointer(spec, "weight_ih", places[0]),
                "all units of a layer start the same, get the same gradients, and so stay the same: draw one of its weights or "
                "its biases",
            )


FLAT = ZerosBias | ConstantBias | ForgetBias
RULES: tuple[Callable[[Spec], Iterator[SpecWarning]], ...] = (
    _identity_under_tanh,
    _equal_gates,
    _equal_units,
)


def _cells(spec: Spec) -> Iterator[tuple[int, bool]]:
    return product(range(spec.num_layers), (False, True)[: spec.directions])


def _gates(spec: Spec) -> list[str]:
    return [*spec.network.rnn.letters]


def _pointer(spec: Spec, parameter: str, place: Place) -> str:
    number = spec.override_at(parameter, place)
    return f"/init/{parameter}" if number is None else f"/init/overrides/{number}"
