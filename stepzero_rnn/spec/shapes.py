"""Whether numbers that stand in a recipe have the shape of what they are for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any, NamedTuple

from stepzero_rnn.spec.base import refusal
from stepzero_rnn.spec.overrides import WHOLE, Network, Place
from stepzero_rnn.spec.schemes.inline import Array, ArrayBias

Shape = tuple[int, ...]
# Of a parameter's place: its scheme in full, and the JSON pointer of that scheme.
SchemeAt = Callable[[str, Place], tuple[Any, str]]


class Sizes(NamedTuple):
    """The sizes of a network, as its spec names them."""

    input_size: int
    hidden_size: int
    proj_size: int

    def inputs(self, layer: int, directions: int) -> int:
        """Return the features that a layer reads."""
        return self.input_size if layer == 0 else directions * (self.proj_size or self.hidden_size)


def refuse_misshapen(scheme_at: SchemeAt, network: Network, sizes: Sizes) -> None:
    """Refuse given numbers of another shape than some block that they are for."""
    for parameter, place in _places(network):
        scheme, field = scheme_at(parameter, place)
        if not isinstance(scheme, Array | ArrayBias):
            continue
        gates = max(len(network.gates(parameter)), 1)
        block = _block(parameter, place[0], network, sizes)
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
    names = ["weight_ih", "weight_hh"]
    names += ["weight_hr"] * network.projected + ["bias"] * network.bias
    directions = (False, True)[: 1 + network.bidirectional]
    for layer, reverse, name in product(range(network.num_layers), directions, names):
        for gate in [*network.gates(name).values()] or [WHOLE]:
            yield name, (layer, reverse, gate)


def _block(parameter: str, layer: int, network: Network, sizes: Sizes) -> Shape:
    """Return the shape of one gate's block."""
    hidden, recurrent = sizes.hidden_size, sizes.proj_size or sizes.hidden_size
    return {
        "weight_ih": (hidden, sizes.inputs(layer, 1 + network.bidirectional)),
        "weight_hh": (hidden, recurrent),
        "weight_hr": (sizes.proj_size, hidden),
        "bias": (hidden,),
    }[parameter]


def _name(parameter: str, place: Place, network: Network, *, fused: bool) -> str:
    layer, reverse, letter = place
    tensor = f"{parameter}_l{layer}" + ("_reverse" if reverse else "")
    names = {known: name for name, known in network.gates(parameter).items()}
    return tensor if fused or letter == WHOLE else f"{tensor}.{names[letter]}"


def _cause(given: Shape, block: Shape, gates: int, *, fused: bool) -> str:
    """Say what has probably happened, where that can be told from the shapes."""
    stacked = (block[0] * gates, *block[1:])
    if given == (block if fused else stacked):
        return (
            "; that is the shape of one gate: select it in an override"
            if fused
            else "; that is the shape of all gates: use scope `fused`, or one override per gate"
        )
    if len(given) == 2 and given[::-1] in (block, stacked):
        return "; that is the transpose: PyTorch's weights are (out, in)"
    return "; if layers differ in shape, use an override for each"


def _written(shape: Shape) -> str:
    return f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"
