"""What MLX's layers compute from a file, beside torch's module."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
from mlx import nn as mlx_nn

from stepzero_rnn.spec.checkpoint import Spec
from tests.formats.other_networks import difference, inputs

nn: Any = mlx_nn  # whose types name none of its classes


def difference_to_torch(spec: Spec, path: Path) -> float:
    """Return the largest difference of the outputs."""
    module = layers_of(spec)
    loaded = module if spec.num_layers > 1 else module.layers[0]
    loaded.load_weights(str(path), strict=True)
    values = mx.array(inputs(spec).float().numpy()).astype(getattr(mx, spec.dtype))
    for layer in module.layers:
        values = layer(values)[0] if spec.rnn_type == "lstm" else layer(values)
    return difference(spec, np.array(values.astype(mx.float32)))


def layers_of(spec: Spec) -> Any:
    """Make a module whose `layers` are MLX's."""
    options = {"nonlinearity": nn.relu} if spec.nonlinearity == "relu" else {}
    module = nn.Module()
    module.layers = [
        getattr(nn, spec.rnn_type.upper())(
            spec.network.inputs(layer), spec.hidden_size, bias=spec.bias, **options
        )
        for layer in range(spec.num_layers)
    ]
    return module
