"""Networks of every kind, and their modules, for the tests of diagnostics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

import stepzero_rnn
from stepzero_rnn.diagnostics.results import Diagnostics

NETWORKS: Mapping[str, Mapping[str, Any]] = {
    "lstm": {"rnn_type": "lstm"},
    "gru": {"rnn_type": "gru"},
    "tanh": {"rnn_type": "rnn"},
    "relu": {"rnn_type": "rnn", "nonlinearity": "relu", "init": "orthogonal"},
    "without biases": {"rnn_type": "lstm", "bias": False},
    "projected": {"rnn_type": "lstm", "proj_size": 3},
    "deep": {"rnn_type": "gru", "num_layers": 3},
    "bidirectional": {"rnn_type": "lstm", "num_layers": 2, "bidirectional": True},
    "batch first": {"rnn_type": "gru", "batch_first": True},
    "float64": {"rnn_type": "lstm", "dtype": "float64"},
    "bfloat16": {"rnn_type": "gru", "dtype": "bfloat16"},
}
SIZES: Mapping[str, Any] = {"input_size": 2, "hidden_size": 8, "seed": 5}


def spec_of(name: str) -> dict[str, Any]:
    """Return the spec of a network of the table."""
    return {**SIZES, **NETWORKS[name]}


def module_of(spec: Mapping[str, Any]) -> nn.RNNBase:
    """Return the module with the spec's weights, for time-major inputs in float64."""
    module = stepzero_rnn.build(spec).double()
    module.batch_first = False
    return module.requires_grad_(False)


def known(value: float | None) -> float:
    """Return a figure that has to be there."""
    assert value is not None
    return value


def last_state(module: nn.RNNBase, x: Tensor) -> Tensor:
    """Return the last state of the last layer's forward direction."""
    return module(x)[0][-1][:, : module.proj_size or module.hidden_size]  # type: ignore[no-any-return]


def log10_jacobian(module: nn.RNNBase, x: Tensor) -> Tensor:
    """Return log₁₀ of sqrt(mean ‖∂h_T/∂x_t‖²_F) over sequences, for each step t."""
    x = x.clone().requires_grad_()
    h = last_state(module, x)
    squares = torch.zeros(len(x), dtype=torch.float64)
    for unit in range(h.shape[1]):
        (gradient,) = torch.autograd.grad(h[:, unit].sum(), x, retain_graph=True)
        squares += gradient.square().sum(2).mean(1)
    return squares.sqrt().log10()


def figures(spec: Mapping[str, Any], **options: Any) -> Diagnostics:
    """Diagnose with the two figures of the score at the full level, unless told otherwise."""
    return stepzero_rnn.diagnose(
        spec, **{"level": "full", "figures": ("echo", "gradient"), **options}
    )
