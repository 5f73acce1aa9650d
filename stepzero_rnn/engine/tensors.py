"""Turns stored elements into torch tensors, and specs into modules, without copies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from stepzero_rnn.dtypes import DType
from stepzero_rnn.plan import TensorPlan
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.networks import RNNS

MODULES: Mapping[str, type[nn.RNNBase]] = {
    name: getattr(nn, rnn.module) for name, rnn in RNNS.items()
}
TORCH_DTYPES: Mapping[str, torch.dtype] = {
    "float32": torch.float32,
    "float64": torch.float64,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}


def as_tensor(stored: NDArray[Any], tensor: TensorPlan) -> Tensor:
    """Return drawn elements as a tensor of the planned shape and dtype that shares their memory."""
    return view(stored, tensor.dtype).view(tensor.shape)


def view(stored: NDArray[Any], dtype: DType) -> Tensor:
    """Return stored elements as a tensor of the given dtype that shares their memory."""
    bits = stored.view("<i2") if dtype.name == "bfloat16" else stored
    return torch.from_numpy(bits).view(TORCH_DTYPES[dtype.name])


def empty_module(spec: Spec, **changed: Any) -> nn.RNNBase:
    """Return the module of a spec on the meta device; `changed` arguments replace the spec's."""
    dtype = TORCH_DTYPES[spec.dtype]
    return MODULES[spec.rnn_type](**spec.module_arguments | changed, device="meta", dtype=dtype)
