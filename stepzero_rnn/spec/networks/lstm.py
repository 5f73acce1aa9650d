"""The long short-term memory network of `torch.nn.LSTM`."""

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
    Gate("input", "i", "write"),
    Gate("forget", "f", "retention"),
    Gate("cell", "g", "candidate"),
    Gate("output", "o", "output"),
)

LSTM = Rnn(
    name="lstm",
    module="LSTM",
    gates=_GATES,
    has_projection=True,
    layouts={
        "pytorch": pytorch_layout(_GATES, projection=True),
        "keras": {
            "kernel": ArrayRule(("weight_ih",), "ifgo", "transposed"),
            "recurrent_kernel": ArrayRule(("weight_hh",), "ifgo", "transposed"),
            "bias": ArrayRule(("bias_ih",), "ifgo", total=True),
        },
        "flax": {
            **flax_kernels("ii", "hi", "i"),
            **flax_kernels("if", "hf", "f"),
            **flax_kernels("if_", "hf", "f"),  # nnx: `if` is a Python keyword
            **flax_kernels("ig", "hg", "g"),
            **flax_kernels("io", "ho", "o"),
            **{f"h{gate}/bias": ArrayRule(("bias_ih",), gate, total=True) for gate in "ifgo"},
            **flax_kernels("dense_i", "dense_h", "ifgo"),  # nnx.OptimizedLSTMCell
            "dense_h/bias": ArrayRule(("bias_ih",), "ifgo", total=True),
        },
        "onnx": onnx_layout("iofg"),
        "haiku": {
            "linear/w": ArrayRule(("weight_ih", "weight_hh"), "igfo", "joint"),
            "linear/b": ArrayRule(("bias_ih",), "igfo", total=True, ones="f"),
        },
        "sonnet": {
            "w_i": ArrayRule(("weight_ih",), "ifgo", "transposed"),
            "w_h": ArrayRule(("weight_hh",), "ifgo", "transposed"),
            "b": ArrayRule(("bias_ih",), "ifgo", total=True),
        },
        "tf1": {
            "kernel": ArrayRule(("weight_ih", "weight_hh"), "igfo", "joint"),
            "bias": ArrayRule(("bias_ih",), "igfo", total=True, ones="f"),
        },
        "haste": {
            "kernel": ArrayRule(("weight_ih",), "igfo", "transposed"),
            "recurrent_kernel": ArrayRule(("weight_hh",), "igfo", "transposed"),
            "bias": ArrayRule(("bias_ih",), "igfo", total=True),
        },
        "mlx": {
            "Wx": ArrayRule(("weight_ih",), "ifgo"),
            "Wh": ArrayRule(("weight_hh",), "ifgo"),
            "bias": ArrayRule(("bias_ih",), "ifgo", total=True),
        },
    },
    cudnn=cudnn_layout("ifgo"),
)
