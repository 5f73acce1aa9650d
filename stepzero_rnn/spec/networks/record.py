"""The record of one kind of network: its gates, its torch module, and other libraries' layouts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Kind = Literal["weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr"]
# What a gate does: `retention` keeps the state while it is open, `write` lets the candidate in,
# `output` lets the state out, `reset` scales the state inside the candidate.
Role = Literal["retention", "write", "output", "reset", "candidate"]
# How another library lays out a parameter; arrays/forms.py defines each form.
FormName = Literal[
    "as_it_is", "transposed", "pair", "stacked", "stacked_pair", "halves", "by_columns", "joint"
]
WHOLE = "-"  # the gate of a parameter without gates


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate: its name, its letter in PyTorch's documentation, and what it does."""

    name: str
    letter: str
    role: Role


@dataclass(frozen=True, slots=True)
class ArrayRule:
    """The contents of an array with a given name: parameters, and their gates in order.

    `total` marks a single bias vector, the sum of PyTorch's two, except for the gates in `apart`,
    whose other bias is another array; `ones` are the gates to whose bias the library adds 1 at run
    time.
    """

    kinds: tuple[Kind, ...]
    gates: str
    form: FormName = "as_it_is"
    total: bool = False
    apart: str = ""
    ones: str = ""


Layout = Mapping[str, ArrayRule]


@dataclass(frozen=True, eq=False)
class Rnn:
    """One kind of network; its gates are in PyTorch's order, and a plain RNN has none.

    `module` is the name of the class in `torch.nn`, `layouts` has the arrays of each library by its
    name, and `cudnn` those of Keras's CuDNN layers.
    """

    name: str
    module: str
    gates: tuple[Gate, ...]
    layouts: Mapping[str, Layout]
    cudnn: Layout | None = None
    has_nonlinearity: bool = False
    has_projection: bool = False

    @cached_property
    def letters(self) -> tuple[str, ...]:
        """The letters of its gates, or `WHOLE` alone."""
        return tuple(gate.letter for gate in self.gates) or (WHOLE,)

    @cached_property
    def by_name(self) -> Mapping[str, str]:
        """The letter of each gate by its name."""
        return {gate.name: gate.letter for gate in self.gates}

    @cached_property
    def by_letter(self) -> Mapping[str, Gate]:
        return {gate.letter: gate for gate in self.gates}

    def letter_of(self, role: Role) -> str:
        """Return the letter of the gate with a role, or `WHOLE` if there is none."""
        return next((gate.letter for gate in self.gates if gate.role == role), WHOLE)


def pytorch_layout(gates: tuple[Gate, ...], *, projection: bool = False) -> Layout:
    """Return PyTorch's names: each parameter, and each of its gates by name and by letter."""
    letters = "".join(gate.letter for gate in gates) or WHOLE
    kinds: tuple[Kind, ...] = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    rules = {str(kind): ArrayRule((kind,), letters) for kind in kinds}
    for kind in kinds:
        for gate in gates:
            rule = ArrayRule((kind,), gate.letter)
            rules[f"{kind}.{gate.name}"] = rules[f"{kind}.{gate.letter}"] = rule
    if projection:
        rules["weight_hr"] = ArrayRule(("weight_hr",), WHOLE)
    return rules


def flax_kernels(input_side: str, hidden_side: str, gates: str) -> Layout:
    """Return the input and hidden kernel of gates that are concatenated."""
    return {
        f"{input_side}/kernel": ArrayRule(("weight_ih",), gates, "transposed"),
        f"{hidden_side}/kernel": ArrayRule(("weight_hh",), gates, "transposed"),
    }


def onnx_layout(gates: str) -> Layout:
    """Return the arrays of ONNX's operators, each of which holds both directions."""
    return {
        "W": ArrayRule(("weight_ih",), gates, "stacked"),
        "R": ArrayRule(("weight_hh",), gates, "stacked"),
        "B": ArrayRule(("bias_ih", "bias_hh"), gates, "stacked_pair"),
    }


def cudnn_layout(gates: str) -> Layout:
    """Return the arrays of Keras's CuDNN layers, which have two biases."""
    return {
        "kernel": ArrayRule(("weight_ih",), gates, "by_columns"),
        "recurrent_kernel": ArrayRule(("weight_hh",), gates, "by_columns"),
        "bias": ArrayRule(("bias_ih", "bias_hh"), gates, "halves"),
    }
