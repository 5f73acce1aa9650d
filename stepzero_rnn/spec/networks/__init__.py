"""The kinds of networks, one record each, and what follows from a network's sizes.

To add a kind, write its record in a module here, add it to `RNNS` and `RnnType`, and add its
forward pass to stepzero_rnn/engine/check/forward.py.

In every layout, as in PyTorch, an open update or forget gate keeps the state.  The single bias
vector of a library is the total: it becomes `bias_ih`, and `bias_hh` is zero.  The two biases of a
GRU's new gate have different effects; if a library has both, they stay separate.

Sources of the layouts:
    Keras 3.15, `layers/rnn/{lstm,gru,simple_rnn}.py`; Flax 0.12, `linen/recurrent.py` and
    `nnx/nn/recurrent.py`; ONNX, operators LSTM-22, GRU-22 (with `linear_before_reset=1`), RNN-22;
    Haiku 0.0.17, `_src/recurrent.py`; Sonnet 2.0.2, `src/recurrent.py`; tf_keras 2.21,
    `layers/rnn/legacy_cells.py`; Haste 0.4, `frameworks/pytorch/{lstm,gru}.py` and
    `lib/{lstm,gru}_forward_gpu.cu.cc`; MLX 0.32, `python/mlx/nn/layers/recurrent.py`.  Keras's
    CuDNN layers: `_convert_rnn_weights` of tf_keras,
    `saving/legacy/hdf5_format.py`.  TensorFlow 1.15,
    `contrib/cudnn_rnn/python/ops/cudnn_rnn_ops.py`, for its cells' forget bias of 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from stepzero_rnn.spec.networks.gru import GRU
from stepzero_rnn.spec.networks.lstm import LSTM
from stepzero_rnn.spec.networks.network import Cell, Network, Shape
from stepzero_rnn.spec.networks.record import WHOLE, ArrayRule, FormName, Gate, Kind, Rnn, Role
from stepzero_rnn.spec.networks.rnn import RNN

__all__ = [
    "RNNS",
    "WHOLE",
    "ArrayRule",
    "Cell",
    "FormName",
    "Gate",
    "Kind",
    "Network",
    "Rnn",
    "RnnType",
    "Role",
    "Shape",
]

RnnType = Literal["rnn", "gru", "lstm"]
RNNS: Mapping[str, Rnn] = {"rnn": RNN, "gru": GRU, "lstm": LSTM}
