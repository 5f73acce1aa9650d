"""Checks that literal values in a recipe have the shape of the blocks they fill."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

from stepzero_rnn.spec.base import refusal
from stepzero_rnn.spec.networks import WHOLE, Cell, Network, Shape
from stepzero_rnn.spec.overrides import Place
from stepzero_rnn.spec.schemes.inline import Array, ArrayBias

# From a parameter and a place to the scheme as a model, and the JSON pointer of that scheme.
SchemeAt = Callable[[str, Place], tuple[Any, str]]


def refuse_misshapen(scheme_at: SchemeAt, network: Network) -> None:
    """Reject literal values whose shape differs from that of a block they fill."""
    for parameter, place in _places(network):
        scheme, field = scheme_at(parameter, place)
        if not isinstance(scheme, Array | ArrayBias):
            continue
        gates = len(network.letters(parameter))
        block = network.block_shape(parameter, place[0])
        fused = isinstance(scheme, Array) and scheme.scope == "fused"
        needed = (block[0] * gates, *block[1:]) if fused else block
        if scheme.shape != needed:
            name = _name(parameter, place, network, fused=fused)
            raise refusal(
                "shape_mismatch",
                f"{name} has shape {_written(needed)}, but the values have {_written(scheme.shape)}"
                + _cause(scheme.shape, block, gates, fused=fused),
                field=f"{field}/values",
                given=list(scheme.shape),
                allowed=list(needed),
            )


def _places(network: Network) -> Iterator[tuple[str, Place]]:
    for (layer, reverse), name in product(network.cells(), network.parameters):
        for letter in network.letters(name):
            yield name, (layer, reverse, letter)


def _name(parameter: str, place: Place, network: Network, *, fused: bool) -> str:
    layer, reverse, letter = place
    tensor = Cell(layer, reverse).name(parameter)
    return tensor if fused or letter == WHOLE else f"{tensor}.{network.rnn.by_letter[letter].name}"


def _cause(shape: Shape, block: Shape, gates: int, *, fused: bool) -> str:
    """Return a hint at the likely cause of a wrong shape."""
    stacked = (block[0] * gates, *block[1:])
    if shape == (block if fused else stacked):
        return (
            "; that is the shape of one gate: select it in an override"
            if fused
            else "; that is the shape of all gates: use scope `fused`, or one override per gate"
        )
    if len(shape) == 2 and shape[::-1] in (block, stacked):
        return "; that is the transpose: PyTorch's weights are (out, in)"
    return "; if layers differ in shape, use an override for each"


def _written(shape: Shape) -> str:
    return f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"
