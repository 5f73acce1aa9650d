"""Loads files into Keras, on the backend that KERAS_BACKEND names, and computes with them.

    KERAS_BACKEND=jax python -m tests.formats.keras_judge < recipes

It reads a recipe from each line, and prints a JSON object for each that Keras runs: the recipe, the
largest difference to torch's outputs of the model that `load_model` returns, and whether
`load_weights` of the other file gives it the same weights.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

import stepzero_rnn
from stepzero_rnn.spec.canonical import canonical_json
from stepzero_rnn.spec.checkpoint import Spec
from tests.formats.other_networks import difference, inputs


def judged(spec: Spec, folder: Path) -> dict[str, Any]:
    """Load both files of a network."""
    model = keras.saving.load_model(stepzero_rnn.save(spec, folder / "network.keras"))
    found = _outputs(model, spec)
    before = [np.asarray(one) for one in model.get_weights()]
    for weight in model.weights:
        weight.assign(keras.ops.zeros(weight.shape, dtype=spec.dtype))
    model.load_weights(stepzero_rnn.save(spec, folder / "network.weights.h5"))
    after = [np.asarray(one) for one in model.get_weights()]
    equal = all(one.tobytes() == other.tobytes() for one, other in zip(before, after, strict=True))
    shown = {"difference": difference(spec, found), "weights_are_equal": equal}
    return {"recipe": canonical_json(spec), **shown}


def _outputs(model: Any, spec: Spec) -> Any:
    given = keras.ops.convert_to_tensor(inputs(spec).float().numpy(), dtype=spec.dtype)
    return keras.ops.convert_to_numpy(keras.ops.cast(model(given), "float64"))


def runs_on_jax(spec: Spec) -> bool:
    """Whether Keras runs a network on JAX: with 64 bits not a SimpleRNN, as its state keeps 32; in
    16 bits not a GRU without bias, as its state gets 32.
    """
    is_half = spec.dtype in ("float16", "bfloat16")
    return spec.dtype != "float64" and not (is_half and spec.rnn_type == "gru" and not spec.bias)


if __name__ == "__main__":
    networks = [Spec.model_validate_json(line) for line in sys.stdin]
    if keras.backend.backend() == "jax":
        networks = [network for network in networks if runs_on_jax(network)]
    with tempfile.TemporaryDirectory() as name:
        for network in networks:
            print(json.dumps(judged(network, Path(name))), flush=True)  # noqa: T201 - what it is for
