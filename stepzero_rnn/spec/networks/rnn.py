"""The plain recurrent network of `torch.nn.RNN`, with tanh or ReLU."""

from __future__ import annotations

from stepzero_rnn.spec.networks.record import (
    WHOLE,
    ArrayRule,
    Rnn,
    flax_kernels,
    onnx_layout,
    pytorch_layout,
)

RNN = Rnn(
    name="rnn",
    module="RNN",
    gates=(),
    has_nonlinearity=True,
    layouts={
        "pytorch": pytorch_layout(()),
        "keras": {
            "kernel": ArrayRule(("weight_ih",), WHOLE, "transposed"),
            "recurrent_kernel": ArrayRule(("weight_hh",), WHOLE, "transposed"),
            "bias": ArrayRule(("bias_ih",), WHOLE, total=True),
        },
        "flax": {
            **flax_kernels("i", "h", WHOLE),
            "i/bias": ArrayRule(("bias_ih",), WHOLE, total=True),
            **flax_kernels("dense_i", "dense_h", WHOLE),  # nnx.SimpleCell
            "dense_i/bias": ArrayRule(("bias_ih",), WHOLE, total=True),
        },
        "onnx": onnx_layout(WHOLE),
        "haiku": {
            "linear/w": ArrayRule(("weight_ih",), WHOLE, "transposed"),
            "linear_1/w": ArrayRule(("weight_hh",), WHOLE, "transposed"),
            "linear/b": ArrayRule(("bias_ih",), WHOLE, total=True),
            "linear_1/b": ArrayRule(("bias_hh",), WHOLE),
        },
        "sonnet": {
            "input_to_hidden/w": ArrayRule(("weight_ih",), WHOLE, "transposed"),
            "hidden_to_hidden/w": ArrayRule(("weight_hh",), WHOLE, "transposed"),
            "b": ArrayRule(("bias_ih",), WHOLE, total=True),
        },
        "tf1": {
            "kernel": ArrayRule(("weight_ih", "weight_hh"), WHOLE, "joint"),
            "bias": ArrayRule(("bias_ih",), WHOLE, total=True),
        },
        "mlx": {
            "Wxh": ArrayRule(("weight_ih",), WHOLE),
            "Whh": ArrayRule(("weight_hh",), WHOLE),
            "bias": ArrayRule(("bias_ih",), WHOLE, total=True),
        },
    },
)
