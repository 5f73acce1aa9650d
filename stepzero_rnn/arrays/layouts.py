"""The layouts of other libraries in the form that readers use, from the networks' records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from stepzero_rnn.arrays.forms import AS_IT_IS, FORMS, Form, joint
from stepzero_rnn.spec.arrays import LayoutName
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.networks import RNNS, ArrayRule, Kind


@dataclass(frozen=True, slots=True)
class LayoutRule:
    """The contents of an array with a given name: parameters, their gates in order, and the form.

    `zero` is a parameter that the layout lacks: if the array is uploaded, that parameter is 0,
    except for the gates in `ones`, where it is 1, which the library adds at run time, and for those
    in `apart`, for which it is another array.
    """

    kinds: tuple[Kind, ...]
    gates: tuple[str, ...]
    form: Form = AS_IT_IS
    zero: Kind | None = None
    ones: str = ""
    apart: str = ""


def _rule(record: ArrayRule) -> LayoutRule:
    gates = tuple(record.gates)
    form = joint(len(gates)) if record.form == "joint" else FORMS[record.form]
    return LayoutRule(
        record.kinds, gates, form, "bias_hh" if record.total else None, record.ones, record.apart
    )


def _rules(layout: Mapping[str, ArrayRule]) -> Mapping[str, LayoutRule]:
    return {name: _rule(record) for name, record in layout.items()}


def _with_numbers(layout: Mapping[str, LayoutRule]) -> Mapping[str, LayoutRule]:
    """Add the numbers of Keras's variables, below which its `.weights.h5` files have them."""
    return {**layout, **{_NUMBERED[name]: rule for name, rule in layout.items()}}


_NUMBERED = {
    "kernel": "cell/vars/0",
    "recurrent_kernel": "cell/vars/1",
    "bias": "cell/vars/2",
}


_BY_RECORD: Mapping[LayoutName, Mapping[str, Mapping[str, LayoutRule]]] = {
    name: {rnn.name: _rules(rnn.layouts[name]) for rnn in RNNS.values() if name in rnn.layouts}
    for name in get_args(LayoutName)
}
LAYOUTS = {
    **_BY_RECORD,
    "keras": {name: _with_numbers(rules) for name, rules in _BY_RECORD["keras"].items()},
}
CUDNN: Mapping[str, Mapping[str, LayoutRule]] = {
    rnn.name: _with_numbers(_rules(rnn.cudnn)) for rnn in RNNS.values() if rnn.cudnn
}


def why_unread(layout: LayoutName, spec: Spec) -> str:
    """Return why a layout cannot be used for a network; empty if it can."""
    if spec.rnn_type not in LAYOUTS[layout]:
        if spec.rnn_type == "gru":
            return (
                f"the GRU of {layout} applies the reset gate before the matrix, PyTorch's after it"
            )
        return f"{layout} has no plain RNN"
    one_matrix = any(
        len({*rule.kinds} & _MATRICES) > 1 for rule in LAYOUTS[layout][spec.rnn_type].values()
    )
    if spec.proj_size and one_matrix:
        return f"layout {layout} does not support a projection"
    return ""


_MATRICES = {"weight_ih", "weight_hh"}
