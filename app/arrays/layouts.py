"""How other libraries lay out the parameters of a recurrent network, as tables.

Every layout keeps open update and forget gates for "keep", as PyTorch does.  A library with one bias vector gives the
total: it becomes `bias_ih`, and `bias_hh` is zero.  A GRU's new gate has two, which are different inputs; a library
that has both keeps them apart here.

Sources:
    Keras 3.15, `layers/rnn/{lstm,gru,simple_rnn}.py`; Flax 0.12, `linen/recurrent.py` and `nnx/nn/recurrent.py`;
    ONNX, operators LSTM-22, GRU-22 (with `linear_before_reset=1`), RNN-22.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.arrays.values import Strided
from app.plan import GATES, Kind
from app.spec.arrays import LayoutName
from app.spec.overrides import GATE_NAMES, WHOLE

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """How a parameter lies in a foreign array.

    `shape` gives the array's from the parameter's and the number of directions; `plain` the parameter's from the
    array's, or None where that has too few axes; `pick` the elements of one direction's n-th parameter.
    """

    shape: Callable[[Shape, int], Shape]
    plain: Callable[[Shape, int], Shape | None]
    pick: Callable[[Strided, int, int], Strided]
    both_directions: bool = False


def _half(array: Strided, nth: int) -> Strided:
    size = array.shape[0] // 2
    return array.rows(nth * size, (nth + 1) * size)


AS_IT_IS = Form(
    shape=lambda plain, _: plain,
    plain=lambda shape, _: shape,
    pick=lambda array, _, __: array,
)
TRANSPOSED = Form(
    shape=lambda plain, _: plain[::-1],
    plain=lambda shape, _: shape[::-1],
    pick=lambda array, _, __: array.transposed(),
)
PAIR = Form(
    shape=lambda plain, _: (2, *plain),
    plain=lambda shape, _: shape[1:] if shape[:1] == (2,) else None,
    pick=lambda array, _, nth: array.at(nth),
)
STACKED = Form(
    shape=lambda plain, directions: (directions, *plain),
    plain=lambda shape, directions: shape[1:] if shape[:1] == (directions,) else None,
    pick=lambda array, direction, _: array.at(direction),
    both_directions=True,
)
STACKED_PAIR = Form(
    shape=lambda plain, directions: (directions, 2 * plain[0]),
    plain=lambda shape, directions: (
        (shape[1] // 2,) if shape[:1] == (directions,) and len(shape) == 2 else None
    ),
    pick=lambda array, direction, nth: _half(array.at(direction), nth),
    both_directions=True,
)


@dataclass(frozen=True, slots=True)
class Rule:
    """What an array of one name holds: parameters, their gates in its order, and how they lie.

    `zero` is a parameter that the layout lacks: where the array is given, it is zero.
    """

    kinds: tuple[Kind, ...]
    gates: tuple[str, ...]
    form: Form = AS_IT_IS
    zero: Kind | None = None


def _rule(kinds: str, gates: str, form: Form = AS_IT_IS, *, total: bool = False) -> Rule:
    names: dict[str, Kind] = {
        kind: kind for kind in ("weight_ih", "weight_hh", "weight_hr", "bias_ih", "bias_hh")
    }
    given = tuple(names[kind] for kind in kinds.split())
    return Rule(given, tuple(gates), form, "bias_hh" if total else None)


def _pytorch(rnn_type: str) -> dict[str, Rule]:
    """Each parameter, whole or one gate of it by its name or letter."""
    gates = "".join(GATES[rnn_type])
    rules = {kind: _rule(kind, gates) for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
    for kind in [*rules]:
        for word, letter in GATE_NAMES[rnn_type].items():
            rules[f"{kind}.{word}"] = rules[f"{kind}.{letter}"] = _rule(kind, letter)
    if rnn_type == "lstm":
        rules["weight_hr"] = _rule("weight_hr", WHOLE)
    return rules


def _flax(input_side: str, hidden_side: str, gates: str) -> dict[str, Rule]:
    """Give the two kernels of gates that lie side by side."""
    return {
        f"{input_side}/kernel": _rule("weight_ih", gates, TRANSPOSED),
        f"{hidden_side}/kernel": _rule("weight_hh", gates, TRANSPOSED),
    }


LAYOUTS: Mapping[LayoutName, Mapping[str, Mapping[str, Rule]]] = {
    "pytorch": {rnn_type: _pytorch(rnn_type) for rnn_type in GATES},
    "keras": {
        "lstm": {
            "kernel": _rule("weight_ih", "ifgo", TRANSPOSED),
            "recurrent_kernel": _rule("weight_hh", "ifgo", TRANSPOSED),
            "bias": _rule("bias_ih", "ifgo", total=True),
        },
        "gru": {
            "kernel": _rule("weight_ih", "zrn", TRANSPOSED),
            "recurrent_kernel": _rule("weight_hh", "zrn", TRANSPOSED),
            "bias": _rule("bias_ih bias_hh", "zrn", PAIR),
        },
        "rnn": {
            "kernel": _rule("weight_ih", WHOLE, TRANSPOSED),
            "recurrent_kernel": _rule("weight_hh", WHOLE, TRANSPOSED),
            "bias": _rule("bias_ih", WHOLE, total=True),
        },
    },
    "flax": {
        "lstm": {
            **_flax("ii", "hi", "i"),
            **_flax("if", "hf", "f"),
            **_flax("if_", "hf", "f"),  # nnx: `if` is a word of Python
            **_flax("ig", "hg", "g"),
            **_flax("io", "ho", "o"),
            **{f"h{gate}/bias": _rule("bias_ih", gate, total=True) for gate in "ifgo"},
            **_flax("dense_i", "dense_h", "ifgo"),  # nnx.OptimizedLSTMCell
            "dense_h/bias": _rule("bias_ih", "ifgo", total=True),
        },
        "gru": {
            **_flax("ir", "hr", "r"),
            **_flax("iz", "hz", "z"),
            **_flax("in", "hn", "n"),
            "ir/bias": _rule("bias_ih", "r", total=True),
            "iz/bias": _rule("bias_ih", "z", total=True),
            "in/bias": _rule("bias_ih", "n"),
            "hn/bias": _rule("bias_hh", "n"),
            **_flax("dense_i", "dense_h", "rzn"),  # nnx.GRUCell has no hn bias
            "dense_i/bias": _rule("bias_ih", "rzn", total=True),
        },
        "rnn": {
            **_flax("i", "h", WHOLE),
            "i/bias": _rule("bias_ih", WHOLE, total=True),
            **_flax("dense_i", "dense_h", WHOLE),  # nnx.SimpleCell
            "dense_i/bias": _rule("bias_ih", WHOLE, total=True),
        },
    },
    "onnx": {
        rnn_type: {
            "W": _rule("weight_ih", gates, STACKED),
            "R": _rule("weight_hh", gates, STACKED),
            "B": _rule("bias_ih bias_hh", gates, STACKED_PAIR),
        }
        for rnn_type, gates in (("lstm", "iofg"), ("gru", "zrn"), ("rnn", WHOLE))
    },
}
