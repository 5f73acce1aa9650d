"""Between stored elements and torch: tensors, modules and the whole library face, without copies."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from app.dtypes import DType
from app.engine.draw import Artist, Stored
from app.plan import Plan, TensorPlan
from app.spec.canonical import STREAM_VERSION, canonical_json
from app.spec.checkpoint import Spec

MODULES: Mapping[str, type[nn.RNNBase]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
TORCH_DTYPES: Mapping[str, torch.dtype] = {
    "float32": torch.float32,
    "float64": torch.float64,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}


def as_tensor(stored: Stored, tensor: TensorPlan) -> Tensor:
    """View drawn elements as a tensor of the right shape and dtype; they share memory."""
    return view(stored, tensor.dtype).view(tensor.shape)


def view(stored: Stored, dtype: DType) -> Tensor:
    """View stored elements as torch's; they share memory."""
    bits = stored.view("<i2") if dtype.name == "bfloat16" else stored
    return torch.from_numpy(bits).view(TORCH_DTYPES[dtype.name])


def empty_module(spec: Spec, **changed: Any) -> nn.RNNBase:
    """Build the module of a spec without memory for its parameters; `changed` arguments replace the spec's."""
    arguments: dict[str, Any] = {
        "input_size": spec.input_size,
        "hidden_size": spec.hidden_size,
        "num_layers": spec.num_layers,
        "bias": spec.bias,
        "batch_first": spec.batch_first,
        "dropout": spec.dropout,
        "bidirectional": spec.bidirectional,
    }
    if spec.rnn_type == "rnn":
        arguments["nonlinearity"] = spec.nonlinearity or "tanh"
    if spec.rnn_type == "lstm":
        arguments["proj_size"] = spec.proj_size
    dtype = TORCH_DTYPES[spec.dtype]
    return MODULES[spec.rnn_type](**arguments | changed, device="meta", dtype=dtype)


def state_dict(plan: Plan, artist: Artist) -> OrderedDict[str, Tensor]:
    """Draw every tensor of a plan.  `torch.save` of the result writes the service's `.pt` file."""
    drawn = OrderedDict((t.name, as_tensor(artist.tensor(t), t)) for t in plan.tensors)
    recipe = {"version": STREAM_VERSION, "recipe": canonical_json(plan.spec)}
    metadata = OrderedDict([("", {"version": 1}), ("stepzero", recipe)])
    drawn._metadata = metadata  # type: ignore[attr-defined]
    return drawn
