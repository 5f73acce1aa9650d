"""What Flax computes from a file, beside torch's module."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen, serialization

from stepzero_rnn.spec.checkpoint import Spec
from tests.formats.other_networks import difference, inputs

CELLS = {"lstm": linen.OptimizedLSTMCell, "gru": linen.GRUCell, "rnn": linen.SimpleCell}


def difference_to_torch(spec: Spec, path: Path) -> float:
    """Return the largest difference of the outputs that linen's cells compute."""
    with jax.enable_x64(True):
        return difference(spec, outputs(spec, serialization.msgpack_restore(path.read_bytes())))


def outputs(spec: Spec, tree: Mapping[str, Any]) -> Any:
    """Run every layer by `linen.RNN`, as our documentation says."""
    values = jnp.asarray(inputs(spec).float().numpy()).astype(spec.dtype)
    options = {"dtype": spec.dtype, "param_dtype": spec.dtype}
    if spec.nonlinearity == "relu":
        options["activation_fn"] = linen.relu
    run = cache(
        lambda reverse: linen.RNN(
            CELLS[spec.rnn_type](spec.hidden_size, **options), reverse=reverse, keep_order=reverse
        )
    )
    for layer in range(spec.num_layers):
        of_layer = tree[f"layer_{layer}"]
        both = [of_layer] if not spec.bidirectional else [of_layer["forward"], of_layer["backward"]]
        values = jnp.concatenate(
            [
                run(reverse).apply({"params": {"cell": cell}}, values)
                for reverse, cell in zip((False, True), both, strict=False)
            ],
            axis=-1,
        )
    return np.asarray(values.astype("float64"))
