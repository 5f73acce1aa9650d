"""Names and vectors that other programs are known to write, and what they are."""

from __future__ import annotations

import re

from app.arrays.naming import Call
from app.plan import plan
from app.spec.checkpoint import Spec

_RAW = re.compile(r"_raw$")
_WEIGHT_DROP = (
    "a weight of AWD-LSTM's as it was before its dropout: name it without _raw, in place of the array of that name, if there is one; "
    "each layer there is an LSTM by itself, so call those of layer 1 weight_ih_l1 and so on, or send one layer by its prefix"
)
FLAT = (
    "all parameters in one vector, as cuDNN keeps them (CudnnLSTM of TensorFlow 1, MXNet's fused layers), whose order depends on "
    "its version: let the program that wrote it part them, and send them by name"
)


def habit(call: Call, spec: Spec) -> str:
    """Say what an array of no known name is, if it is something that is often sent."""
    if _RAW.search(call.name):
        return _WEIGHT_DROP
    if call.name.endswith("opaque_kernel") or is_flat(call.found.shape, spec):
        return FLAT
    return ""


def is_flat(shape: tuple[int, ...], spec: Spec) -> bool:
    """Whether it may be all parameters of a network in one vector."""
    return len(shape) == 1 and shape[0] == plan(spec).parameters
