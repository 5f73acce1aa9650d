"""A network's sizes, and the cells, parameters, names and shapes that follow from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from stepzero_rnn.spec.networks.record import WHOLE, Kind, Rnn

Shape = tuple[int, ...]


class Cell(NamedTuple):
    """One direction of one layer."""

    layer: int
    reverse: bool

    @property
    def suffix(self) -> str:
        """The suffix of its parameters' names in PyTorch."""
        return f"_l{self.layer}" + "_reverse" * self.reverse

    def name(self, kind: str) -> str:
        """Return the PyTorch name of one of its parameters."""
        return kind + self.suffix


@dataclass(frozen=True, slots=True)
class Network:
    """A recurrent network: its kind, and its sizes as PyTorch names them."""

    rnn: Rnn
    input_size: int
    hidden_size: int
    num_layers: int = 1
    bias: bool = True
    bidirectional: bool = False
    proj_size: int = 0

    @property
    def directions(self) -> int:
        """1, or 2 for a bidirectional network."""
        return 1 + self.bidirectional

    @property
    def reverse_flags(self) -> tuple[bool, ...]:
        """Whether each direction runs backwards, in `state_dict` order."""
        return (False, True)[: self.directions]

    @property
    def state_size(self) -> int:
        """Features of one direction's (projected) hidden state."""
        return self.proj_size or self.hidden_size

    @property
    def output_size(self) -> int:
        """Output features: the (projected) hidden state of all directions."""
        return self.directions * self.state_size

    @property
    def weights(self) -> tuple[str, ...]:
        return ("weight_ih", "weight_hh", *["weight_hr"] * (self.proj_size > 0))

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters that take a scheme: the weights, and the total bias."""
        return (*self.weights, *["bias"] * self.bias)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of a cell's parameters, in `state_dict` order."""
        biases: tuple[Kind, ...] = ("bias_ih", "bias_hh") if self.bias else ()
        projection: tuple[Kind, ...] = ("weight_hr",) if self.proj_size else ()
        return ("weight_ih", "weight_hh", *biases, *projection)

    def cells(self, num_layers: int | None = None) -> Iterator[Cell]:
        """Return the cells, or those of the first `num_layers`, in `state_dict` order."""
        layers = range(self.num_layers if num_layers is None else num_layers)
        return (Cell(layer, reverse) for layer, reverse in product(layers, self.reverse_flags))

    def names(self, num_layers: int | None = None) -> Iterator[str]:
        """Return the names of all parameters, or those of the first `num_layers`."""
        return (cell.name(kind) for cell in self.cells(num_layers) for kind in self.kinds)

    def inputs(self, layer: int) -> int:
        """Return the number of input features of a layer."""
        return self.output_size if layer else self.input_size

    def gates(self, parameter: str) -> Mapping[str, str]:
        """Return the letters of a parameter's gates by gate name."""
        return {} if parameter.startswith("weight_hr") else self.rnn.by_name

    def letters(self, parameter: str) -> tuple[str, ...]:
        """Return the letters of a parameter's gates, or `WHOLE` alone."""
        return (WHOLE,) if parameter.startswith("weight_hr") else self.rnn.letters

    def block_shape(self, parameter: str, layer: int) -> Shape:
        """Return the shape of one gate's block of a parameter."""
        if parameter.startswith("bias"):
            return (self.hidden_size,)
        return {
            "weight_ih": (self.hidden_size, self.inputs(layer)),
            "weight_hh": (self.hidden_size, self.state_size),
            "weight_hr": (self.proj_size, self.hidden_size),
        }[parameter]
