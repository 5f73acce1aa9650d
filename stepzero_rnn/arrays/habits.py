"""Arrays that other programs are known to write, recognised by name or shape."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stepzero_rnn.arrays.naming import NamedArray, unknown
from stepzero_rnn.arrays.readers.files import Found
from stepzero_rnn.errors import FieldError
from stepzero_rnn.plan import plan
from stepzero_rnn.spec.checkpoint import Spec

_WEIGHT_DROP = (
    "a weight of an AWD-LSTM before its dropout: rename it without _raw, replacing the array of that "
    "name, if any; each layer there is a separate LSTM, so rename those of layer 1 to weight_ih_l1 "
    "and so on"
)
_NAME = r"(?:^|[./])(?:weight|bias)_(?:ih|hh|hr)(?:_l\d{1,4}(?:_reverse)?)?"
_IN_PARTS = re.compile(rf"{_NAME}_(?:orig|mask|g|v|u)$")
_PARAMETRIZED = re.compile(rf"[./]?parametrizations{_NAME}[./]")
_REMOVE = (
    "a part of a parameter that torch.nn.utils computes at run time (pruning, weight_norm, "
    "spectral_norm): call prune.remove, remove_weight_norm or remove_spectral_norm for each, and "
    "save the state_dict again"
)
_REMOVE_PARAMETRIZATIONS = (
    "a part of a parametrized parameter: call torch.nn.utils.parametrize.remove_parametrizations "
    "for each, and save the state_dict again"
)
FLAT = (
    "all parameters in one vector, as stored by cuDNN (CudnnLSTM of TensorFlow 1, MXNet's fused "
    "layers), in an order that depends on its version: let the program that wrote it split them, "
    "and send them by name"
)


def habit(call: NamedArray, spec: Spec) -> str:
    """Return what an array with an unknown name is, if it is a common case."""
    if is_dropped(call.name):
        return _WEIGHT_DROP
    if _PARAMETRIZED.search(call.name):
        return _REMOVE_PARAMETRIZATIONS
    if _IN_PARTS.search(call.name):
        return _REMOVE
    if call.name.endswith("opaque_kernel") or is_flat(call.found.shape, spec):
        return FLAT
    return ""


def is_dropped(name: str) -> bool:
    """Whether it is a raw weight of an AWD-LSTM, which another array holds with dropout applied."""
    return name.endswith("_raw")


def beside_dropped(chosen: Sequence[Found], left_out: Sequence[Found]) -> Iterator[FieldError]:
    """Reject arrays of an AWD-LSTM layer whose raw weights the prefix leaves out."""
    weights: dict[str, Found] = {}
    for found in left_out:
        if is_dropped(found.name):
            weights.setdefault(found.name.rpartition(".")[0], found)
    for found in chosen if weights else ():
        module = found.name.rpartition(".")[0]
        layer = module.removesuffix("module").removesuffix(".")
        weight = weights.pop(layer, None) or weights.pop(module, None)
        if weight:
            yield unknown(weight, f"the prefix leaves it out, but it is {_WEIGHT_DROP}")


def is_flat(shape: tuple[int, ...], spec: Spec) -> bool:
    """Whether it may hold all parameters of the network in one vector."""
    return len(shape) == 1 and shape[0] == plan(spec).parameters
