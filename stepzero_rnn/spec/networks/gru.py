"""The gated recurrent unit of `torch.nn.GRU`, which applies the reset gate after the matrix."""

from __future__ import annotations

from stepzero_rnn.spec.networks.record import (
    ArrayRule,
    Gate,
    Rnn,
    cudnn_layout,
    flax_kernels,
    onnx_layout,
    pytorch_layout,
)

_GATES = (
    Gate("reset", "r", "reset"),
    Gate("update", "z", "retention"),
    Gate("new", "n", "candidate"),
)

GRU = Rnn(
    name="gru",
    module="GRU",
    gates=_GATES,
    layouts={
        "pytorch": pytorch_layout(_GATES),
        "keras": {
            "kernel": ArrayRule(("weight_ih",), "zrn", "transposed"),
            "recurrent_kernel": ArrayRule(("weight_hh",), "zrn", "transposed"),
            "bias": ArrayRule(("bias_ih", "bias_hh"), "zrn", "pair"),
        },
        "flax": {
            **flax_kernels("ir", "hr", "r"),
            **flax_kernels("iz", "hz", "z"),
            **flax_kernels("in", "hn", "n"),
            "ir/bias": ArrayRule(("bias_ih",), "r", total=True),
            "iz/bias": ArrayRule(("bias_ih",), "z", total=True),
            "in/bias": ArrayRule(("bias_ih",), "n"),
            "hn/bias": ArrayRule(("bias_hh",), "n"),
            **flax_kernels("dense_i", "dense_h", "rzn"),  # nnx.GRUCell has no hn bias
            "dense_i/bias": ArrayRule(("bias_ih",), "rzn", total=True),
        },
        "onnx": onnx_layout("zrn"),
        "haste": {
            "kernel": ArrayRule(("weight_ih",), "zrn", "transposed"),
            "recurrent_kernel": ArrayRule(("weight_hh",), "zrn", "transposed"),
            "bias": ArrayRule(("bias_ih",), "zrn"),
            "recurrent_bias": ArrayRule(("bias_hh",), "zrn"),
        },
        "mlx": {
            "Wx": ArrayRule(("weight_ih",), "rzn"),
            "Wh": ArrayRule(("weight_hh",), "rzn"),
            "b": ArrayRule(("bias_ih",), "rzn", total=True, apart="n"),
            "bhn": ArrayRule(("bias_hh",), "n"),
        },
    },
    cudnn=cudnn_layout("zrn"),
)
