"""What is allowed but seldom meant: a function of the recipe, told beside what it describes and refused nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Annotated

from pydantic import Field

from app.spec.biases import ConstantBias, ForgetBias, ZerosBias
from app.spec.checkpoint import Spec
from app.spec.matrices import ScaledIdentity
from app.spec.overrides import WHOLE, Place
from app.spec.weights import Constant, Hadamard, Identity, Ones, Zeros


@dataclass(frozen=True, slots=True)
class Caution:
    """Something to look at again."""

    code: Annotated[str, Field(description="Never renamed.", examples=["identity_under_tanh"])]
    pointer: Annotated[str, Field(description="JSON pointer into the canonical spec.")]
    detail: str


def cautions(spec: Spec) -> list[Caution]:
    """Give all that is seldom meant, each once for a place of the spec."""
    if spec.script is not None or spec.arrays is not None:
        return []  # other numbers than the schemes' count
    found = {(c.code, c.pointer): c for rule in RULES for c in rule(spec)}
    return list(found.values())


def _identity_under_tanh(spec: Spec) -> Iterator[Caution]:
    if spec.rnn_type != "rnn" or spec.nonlinearity == "relu":
        return
    for layer, reverse in _cells(spec):
        place = (layer, reverse, WHOLE)
        scheme = spec.scheme_at("weight_hh", place)
        plain = isinstance(scheme, Identity) and scheme.gain == 1
        if plain or (isinstance(scheme, ScaledIdentity) and scheme.alpha == 1):
            yield Caution(
                "identity_under_tanh",
                _pointer(spec, "weight_hh", place),
                "the identity keeps a state where relu is the activation, as IRNN has it; tanh shrinks it at every step: use "
                "nonlinearity relu, or orthogonal or critical",
            )


def _equal_gates(spec: Spec) -> Iterator[Caution]:
    for (layer, reverse), name in product(_cells(spec), ("weight_ih", "weight_hh")):
        places = [(layer, reverse, gate) for gate in _gates(spec)]
        schemes = [spec.scheme_at(name, place) for place in places]
        alike = [scheme for scheme in schemes if isinstance(scheme, Hadamard)]
        if len(alike) > 1 and alike[0].scope == "gate":
            number = next(i for i, scheme in enumerate(schemes) if isinstance(scheme, Hadamard))
            yield Caution(
                "equal_gates",
                _pointer(spec, name, places[number]),
                "hadamard has no random numbers, so the blocks of these gates are equal; scope fused gives them parts of one "
                "matrix, an override another scheme",
            )


def _equal_units(spec: Spec) -> Iterator[Caution]:
    for layer, reverse in _cells(spec):
        places = [(layer, reverse, gate) for gate in _gates(spec)]
        weights = [spec.scheme_at(name, at) for at in places for name in ("weight_ih", "weight_hh")]
        biases = [spec.scheme_at("bias", at) for at in places] if spec.bias else []
        same = all(isinstance(scheme, Zeros | Ones | Constant) for scheme in weights)
        if spec.hidden_size > 1 and same and all(isinstance(b, FLAT) for b in biases):
            yield Caution(
                "equal_units",
                _pointer(spec, "weight_ih", places[0]),
                "all units of a layer start the same, get the same gradients, and so stay the same: draw one of its weights or "
                "its biases",
            )


FLAT = ZerosBias | ConstantBias | ForgetBias
RULES: tuple[Callable[[Spec], Iterator[Caution]], ...] = (
    _identity_under_tanh,
    _equal_gates,
    _equal_units,
)


def _cells(spec: Spec) -> Iterator[tuple[int, bool]]:
    return product(range(spec.num_layers), (False, True)[: spec.directions])


def _gates(spec: Spec) -> list[str]:
    return [*spec.network.gates("weight_hh").values()] or [WHOLE]


def _pointer(spec: Spec, parameter: str, place: Place) -> str:
    number = spec.override_at(parameter, place)
    return f"/init/{parameter}" if number is None else f"/init/overrides/{number}"
