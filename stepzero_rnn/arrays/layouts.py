"""How other libraries lay out the parameters of a recurrent network, as tables.

Every layout keeps open update and forget gates for "keep", as PyTorch does.  A library with one
bias vector gives the total: it becomes `bias_ih`, and `bias_hh` is zero.  A GRU's new gate has two,
which are different inputs; a library that has both keeps them apart here.

Sources:
    Keras 3.15, `layers/rnn/{lstm,gru,simple_rnn}.py`; Flax 0.12, `linen/recurrent.py` and
    `nnx/nn/recurrent.py`; ONNX, operators LSTM-22, GRU-22 (with `linear_before_reset=1`), RNN-22;
    Haiku 0.0.17, `_src/recurrent.py`; Sonnet 2.0.2, `src/recurrent.py`; tf_keras 2.21,
    `layers/rnn/legacy_cells.py`; Haste 0.4, `frameworks/pytorch/{lstm,gru}.py` and
    `lib/{lstm,gru}_forward_gpu.cu.cc`.  Keras's CuDNN layers: `_convert_rnn_weights` of tf_keras,
    `saving/legacy/hdf5_format.py`.  TensorFlow 1.15,
    `contrib/cudnn_rnn/python/ops/cudnn_rnn_ops.py`, for its cells' forget bias of 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stepzero_rnn.arrays.forms import (
    AS_IT_IS,
    BY_COLUMNS,
    HALVES,
    PAIR,
    STACKED,
    STACKED_PAIR,
    TRANSPOSED,
    Form,
    joint,
)
from stepzero_rnn.plan import GATES, Kind
from stepzero_rnn.spec.arrays import LayoutName
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.overrides import GATE_NAMES, WHOLE


@dataclass(frozen=True, slots=True)
class Rule:
    """What an array of one name holds: parameters, their gates in its order, and how they lie.

    `zero` is a parameter that the layout lacks: where the array is given and it is not, it is zero,
    but 1 for the gates `ones`, to which the library adds 1 while it runs.
    """

    kinds: tuple[Kind, ...]
    gates: tuple[str, ...]
    form: Form = AS_IT_IS
    zero: Kind | None = None
    ones: str = ""


def _rule(
    kinds: str, gates: str, form: Form = AS_IT_IS, *, total: bool = False, ones: str = ""
) -> Rule:
    names: dict[str, Kind] = {
        kind: kind for kind in ("weight_ih", "weight_hh", "weight_hr", "bias_ih", "bias_hh")
    }
    given = tuple(names[kind] for kind in kinds.split())
    return Rule(given, tuple(gates), form, "bias_hh" if total else None, ones)


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
    """Return the two kernels of gates that lie side by side."""
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
    "haiku": {
        "lstm": {
            "linear/w": _rule("weight_ih weight_hh", "igfo", joint(4)),
            "linear/b": _rule("bias_ih", "igfo", total=True, ones="f"),
        },
        "rnn": {
            "linear/w": _rule("weight_ih", WHOLE, TRANSPOSED),
            "linear_1/w": _rule("weight_hh", WHOLE, TRANSPOSED),
            "linear/b": _rule("bias_ih", WHOLE, total=True),
            "linear_1/b": _rule("bias_hh", WHOLE),
        },
    },
    "sonnet": {
        "lstm": {
            "w_i": _rule("weight_ih", "ifgo", TRANSPOSED),
            "w_h": _rule("weight_hh", "ifgo", TRANSPOSED),
            "b": _rule("bias_ih", "ifgo", total=True),
        },
        "rnn": {
            "input_to_hidden/w": _rule("weight_ih", WHOLE, TRANSPOSED),
            "hidden_to_hidden/w": _rule("weight_hh", WHOLE, TRANSPOSED),
            "b": _rule("bias_ih", WHOLE, total=True),
        },
    },
    "tf1": {
        "lstm": {
            "kernel": _rule("weight_ih weight_hh", "igfo", joint(4)),
            "bias": _rule("bias_ih", "igfo", total=True, ones="f"),
        },
        "rnn": {
            "kernel": _rule("weight_ih weight_hh", WHOLE, joint(1)),
            "bias": _rule("bias_ih", WHOLE, total=True),
        },
    },
    "haste": {
        "lstm": {
            "kernel": _rule("weight_ih", "igfo", TRANSPOSED),
            "recurrent_kernel": _rule("weight_hh", "igfo", TRANSPOSED),
            "bias": _rule("bias_ih", "igfo", total=True),
        },
        "gru": {
            "kernel": _rule("weight_ih", "zrn", TRANSPOSED),
            "recurrent_kernel": _rule("weight_hh", "zrn", TRANSPOSED),
            "bias": _rule("bias_ih", "zrn"),
            "recurrent_bias": _rule("bias_hh", "zrn"),
        },
    },
}

# Keras's CuDNNLSTM and CuDNNGRU: the same names, but each gate's matrices lie as cuDNN has them,
# and there are two biases.
CUDNN: Mapping[str, Mapping[str, Rule]] = {
    rnn_type: {
        "kernel": _rule("weight_ih", gates, BY_COLUMNS),
        "recurrent_kernel": _rule("weight_hh", gates, BY_COLUMNS),
        "bias": _rule("bias_ih bias_hh", gates, HALVES),
    }
    for rnn_type, gates in (("lstm", "ifgo"), ("gru", "zrn"))
}


def why_unread(layout: LayoutName, spec: Spec) -> str:
    """Say why a network of a layout is not read, if it is not."""
    if spec.rnn_type not in LAYOUTS[layout]:
        if spec.rnn_type == "gru":
            return f"the GRU of {layout} applies the reset gate before the matrix, which PyTorch's cannot"
        return f"{layout} has no plain RNN"
    one_matrix = any(
        len({*rule.kinds} & _MATRICES) > 1 for rule in LAYOUTS[layout][spec.rnn_type].values()
    )
    if spec.proj_size and one_matrix:
        return f"layout {layout} is not read with a projection"
    return ""


_MATRICES = {"weight_ih", "weight_hh"}
