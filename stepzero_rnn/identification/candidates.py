"""Candidates: inits that a file may have, each with the law of every block, as the plan has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import log, sqrt
from typing import Any, NamedTuple

from stepzero_rnn.engine.schemes import law_of
from stepzero_rnn.errors import InvalidSpec
from stepzero_rnn.identification.bias_proposals import bias_schemes
from stepzero_rnn.identification.evidence import Group
from stepzero_rnn.identification.laws import TESTS
from stepzero_rnn.identification.numbers import digits_of
from stepzero_rnn.identification.proposals import weight_schemes
from stepzero_rnn.plan.cells import CellPlanner
from stepzero_rnn.spec.canonical import as_object
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.networks import Cell
from stepzero_rnn.spec.parse import parse
from stepzero_rnn.spec.schemes.presets import PRESETS

LAYERS = 2  # the first has another fan in than all others, which are alike
CONSTANTS = {0.0, 1.0, 2.0, sqrt(2), sqrt(5), 5 / 3}
DIGIT = log(10)  # what each digit of an estimate costs of the log of the likelihood

Place = tuple[str, int, str]  # a kind of tensor, its layer (0, or 1 for all others), a gate


class BlockLaw(NamedTuple):
    """A block's law, and the scheme that has it."""

    law: Any
    scheme: Any


@dataclass(frozen=True, eq=False)
class Candidate:
    """An init with its laws by place; `preset` is its name if it is one.

    `cost` is what its estimated parameters take of the log of the likelihood: the more digits, the
    better they have to fit.  `digits` are those of the longest one.
    """

    init: Any
    laws: Mapping[Place, BlockLaw]
    preset: str = ""
    cost: float = 0.0
    digits: int = 0
    nonlinearity: str | None = None

    def laws_of(self, kind: str, layer: int) -> Mapping[str, BlockLaw]:
        """Return the laws of one tensor, by gate."""
        return self._by_tensor.get((kind, min(layer, LAYERS - 1)), {})

    @cached_property
    def _by_tensor(self) -> Mapping[tuple[str, int], Mapping[str, BlockLaw]]:
        by_tensor: dict[tuple[str, int], dict[str, BlockLaw]] = {}
        for (kind, layer, gate), found in self.laws.items():
            by_tensor.setdefault((kind, layer), {})[gate] = found
        return by_tensor


@dataclass(frozen=True)
class Catalogue:
    """Everything that a network can be initialized with.

    `bias` is the scheme of its biases as far as it is known, which one weight scheme depends on.
    """

    network: Spec
    bias: Any = None

    def presets(self) -> list[Candidate]:
        """Return the presets for the network."""
        found = (self._candidate(name, preset=name) for name in PRESETS)
        return [candidate for candidate in found if candidate]

    def schemes(self, group: Group) -> Iterator[Candidate]:
        """Yield the schemes for one parameter, with parameters estimated from a group."""
        parameter = group.parameter
        propose = bias_schemes if parameter == "bias" else weight_schemes
        base = {} if self.bias is None or parameter == "bias" else {"bias": self.bias}
        for fields in propose(group):
            candidate = self._candidate({**base, parameter: fields}, parameter=parameter)
            if candidate:
                yield candidate

    def _candidate(self, init: Any, *, preset: str = "", parameter: str = "") -> Candidate | None:
        """Return the laws of an init; None if it is undefined for the network or has no test."""
        spec = self._spec(init)
        if spec is None:
            return None
        laws = _laws(spec, parameter)
        if any(type(found.law) not in TESTS for found in laws.values()):
            return None
        shown = spec.nonlinearity if self.network.rnn_type == "rnn" else None
        scheme = as_object(getattr(spec.parts, parameter)) if parameter else {}
        return Candidate(init, laws, preset, *_cost(scheme), shown)

    def _spec(self, init: Any) -> Spec | None:
        fields = self.network.model_dump(exclude={"init"}) | {"init": init}
        fields["num_layers"] = min(self.network.num_layers, LAYERS)
        choices = ("tanh", "relu") if self.network.rnn_type == "rnn" else (None,)
        for nonlinearity in choices:
            try:
                return parse(Spec, fields | {"nonlinearity": nonlinearity})
            except InvalidSpec:
                continue
        return None


def _laws(spec: Spec, parameter: str) -> Mapping[Place, BlockLaw]:
    """Return the laws of one parameter, or of all."""
    tensors = (
        CellPlanner(spec, Cell(layer, reverse=False)).tensor(kind)
        for layer in range(spec.num_layers)
        for kind in spec.network.kinds
        if kind.startswith(parameter)
    )
    return {
        (tensor.kind, tensor.layer, block.gate): BlockLaw(law_of(tensor, block), block.scheme)
        for tensor in tensors
        for block in tensor.blocks
    }


def _cost(scheme: Mapping[str, Any]) -> tuple[float, int]:
    """Return the cost of a scheme's fields: of each that is not at its default (symmetric bounds
    are one), and of the digits of numbers that are no constants of the literature; and the most
    digits of one.
    """
    values = {abs(v) if type(v) is float else (name, v) for name, v in scheme.items()}
    digits = [digits_of(v) for v in values if isinstance(v, float) and v not in CONSTANTS]
    return max(len(values) - 1, 0) + DIGIT * sum(digits), max(digits, default=0)
