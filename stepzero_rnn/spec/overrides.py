"""Overrides of a part's scheme for some layers, one direction or one gate.

The first override that matches wins.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import product
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from stepzero_rnn.spec.base import Strict, at_most, refusal
from stepzero_rnn.spec.networks import RNNS, WHOLE, Network
from stepzero_rnn.spec.schemes.unions import BiasInit, WeightInit

MAX_OVERRIDES = 16  # these fit into a recipe token whatever they contain
MAX_LAYERS = 1024
WEIGHTS = ("weight_ih", "weight_hh", "weight_hr")
Layer = Annotated[int, Field(ge=0, lt=MAX_LAYERS)]
LayerRange = Annotated[tuple[Layer, Layer], Field(strict=False)]  # JSON has lists
# Gate names by their letters in PyTorch's documentation, which are accepted as well.
GATE_OF_LETTER = {gate.letter: gate.name for rnn in RNNS.values() for gate in rnn.gates}
# One gate of one cell: its layer, whether it is the reverse direction, and PyTorch's letter.
Place = tuple[int, bool, str]


class Selection(Strict):
    """A part of a parameter: layers, direction, gate."""

    layer: Literal["first", "last"] | Layer | LayerRange | None = Field(
        default=None,
        description="Which layers: an index from 0, an inclusive range `[first, last]`, `first` or `last`; "
        "all if omitted.",
    )
    direction: Literal["forward", "reverse"] | None = Field(
        default=None, description="Which direction of a bidirectional network; both if omitted."
    )
    gate: Literal["input", "forget", "cell", "output", "reset", "update", "new"] | None = Field(
        default=None,
        description="Which gate: `input`, `forget`, `cell`, `output` (LSTM), `reset`, `update`, `new` (GRU); "
        "all if omitted.",
    )

    @field_validator("gate", mode="before")
    @classmethod
    def _gate_may_be_a_letter(cls, value: Any) -> Any:
        return GATE_OF_LETTER.get(value, value) if isinstance(value, str) else value

    @field_validator("layer", mode="before")
    @classmethod
    def _layer_is_an_index_a_range_or_a_word(cls, value: Any) -> Any:
        ends = list(value[:3]) if isinstance(value, list | tuple) else [value, value]
        numbers = all(type(end) is int and 0 <= end < MAX_LAYERS for end in ends)
        if value in ("first", "last") or (numbers and len(ends) == 2 and ends[0] <= ends[1]):
            return value
        raise refusal(
            "not_a_layer",
            "a layer must be an index, a range of two indices, or a word",
            allowed='an index from 0, [first, last], "first" or "last"',
        )

    def layers(self, num_layers: int) -> range:
        """Return the layers it selects."""
        match self.layer:
            case None:
                return range(num_layers)
            case "first":
                return range(1)
            case "last":
                return range(num_layers - 1, num_layers)
            case (first, last):
                return range(first, last + 1)
            case index:
                return range(index, index + 1)

    def selection(self, num_layers: int, bidirectional: bool) -> dict[str, Any]:
        """Return the canonical form of the selection, the same for all equivalent ones.

        A single layer is an index; fields that select everything are omitted.
        """
        plain = self.model_dump(exclude_defaults=True, exclude={"layer", "init"})
        layers = self.layers(num_layers)
        if len(layers) < num_layers:
            plain["layer"] = layers[0] if len(layers) == 1 else [layers[0], layers[-1]]
        if not bidirectional:
            plain.pop("direction", None)
        return plain

    def sides(self, letters: Mapping[str, str], network: Network) -> Iterator[tuple[bool, str]]:
        """Return the directions and gates that it selects in each of its layers."""
        directions = {"forward": (False,), "reverse": (True,)}.get(
            str(self.direction), network.reverse_flags
        )
        gates = [letters[self.gate]] if self.gate else [*letters.values()] or [WHOLE]
        return product(directions, gates)

    def places(self, letters: Mapping[str, str], network: Network) -> Iterator[Place]:
        """Return the places of its parameter that it selects."""
        layers, sides = self.layers(network.num_layers), self.sides(letters, network)
        return ((layer, *side) for side in sides for layer in layers)


class WeightOverride(Selection):
    """A different scheme for a part of a weight."""

    parameter: Literal["weight_ih", "weight_hh", "weight_hr"] = Field(description="Which weight.")
    init: WeightInit = Field(description="The scheme.")


class BiasOverride(Selection):
    """A different scheme for the total bias of some gates."""

    parameter: Literal["bias"] = Field(description="The total bias.")
    init: BiasInit = Field(description="The scheme.")


AnyOverride = Annotated[WeightOverride | BiasOverride, Field(discriminator="parameter")]
Overrides = Annotated[
    tuple[AnyOverride, ...],
    Field(strict=False, max_length=MAX_OVERRIDES),
    at_most(MAX_OVERRIDES),
]


def resolve(
    overrides: Sequence[WeightOverride | BiasOverride], network: Network
) -> dict[tuple[str, Place], int]:
    """Return the index of the override that applies, for each place of a parameter with one."""
    matches: dict[tuple[str, Place], int] = {}
    # Layers that no earlier override matches; each is assigned once.
    unmatched: dict[tuple[str, bool, str], set[int]] = {}
    for number, override in enumerate(overrides):
        name, layers = override.parameter, override.layers(network.num_layers)
        for side in override.sides(network.gates(name), network):
            remaining = unmatched.setdefault((name, *side), {*range(network.num_layers)})
            taken = remaining.intersection(layers)
            remaining -= taken
            matches.update({(name, (layer, *side)): number for layer in taken})
    return matches


def refuse_unfit(
    overrides: Sequence[WeightOverride | BiasOverride], network: Network, fused: Collection[str]
) -> None:
    """Reject overrides that match nothing, or that select one gate of a fused tensor.

    Args:
        fused: the parameters whose part of the init has a fused scheme.
    """
    for number, override in enumerate(overrides):
        for field, value, allowed in lacking(override, override.parameter, network):
            raise refusal(
                "matches_nothing",
                f"the network has no {field} {value!r}, so this override would match nothing",
                field=f"/overrides/{number}/{field}",
                given=value,
                allowed=allowed,
            )
    matches = resolve(overrides, network)
    for number in sorted({*range(len(overrides))} - {*matches.values()})[:1]:
        raise refusal(
            "matches_nothing",
            "earlier overrides match everything it selects, and the first match wins",
            field=f"/overrides/{number}",
            given=_as_given(overrides[number]),
            allowed="narrower overrides before wider ones",
        )
    for number in _in_fused(overrides, network, fused, matches):
        raise refusal(
            "part_of_fused",
            f"a fused scheme fills all gates of {overrides[number].parameter} at once, so no gate can have a different one",
            field=f"/overrides/{number}",
            given=_as_given(overrides[number]),
            allowed="scope `gate` for the others, or no gate in this override",
        )


def _in_fused(
    overrides: Sequence[WeightOverride | BiasOverride],
    network: Network,
    fused: Collection[str],
    matches: Mapping[tuple[str, Place], int],
) -> Iterator[int]:
    """Yield the overrides of tensors that a fused scheme would fill only in part."""
    fill_all = {n for n, o in enumerate(overrides) if getattr(o.init, "scope", "gate") == "fused"}
    for name, layer, reverse in {(name, *place[:2]) for name, place in matches}:
        letters = network.letters(name)
        numbers = {matches.get((name, (layer, reverse, gate))) for gate in letters}
        any_fused = (name in fused and None in numbers) or not fill_all.isdisjoint(numbers)
        if any_fused and len(numbers) > 1:
            yield max(number for number in numbers if number is not None)


def _as_given(override: WeightOverride | BiasOverride) -> Any:
    return override.model_dump(mode="json", exclude_unset=True)


def lacking(part: Selection, parameter: str, network: Network) -> Iterator[tuple[str, Any, Any]]:
    """Yield each field that selects something the network lacks: name, value, valid values."""
    if parameter not in network.parameters:
        yield "parameter", parameter, [*network.parameters]
    if part.layers(network.num_layers)[-1] >= network.num_layers:
        value = list(part.layer) if isinstance(part.layer, tuple) else part.layer
        yield "layer", value, f"0 to {network.num_layers - 1}"
    if part.direction == "reverse" and not network.bidirectional:
        yield "direction", "reverse", ["forward"]
    gates = [*network.gates(parameter)]
    if part.gate is not None and part.gate not in gates:
        yield "gate", part.gate, gates
