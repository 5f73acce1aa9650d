"""A file in another library's layout, uploaded, gives the network that it was made from.

Uploads read the arrays by the same tables, but with code of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flax import serialization, traverse_util
from numpy.typing import NDArray
from safetensors.numpy import load_file

import stepzero_rnn
from stepzero_rnn.formats import FORMATS
from stepzero_rnn.spec.canonical import canonical_json
from stepzero_rnn.spec.checkpoint import FormatName, Spec
from tests.arrays.making import kept, saved, taken
from tests.formats.laying import SIZES

SHAPES: list[dict[str, Any]] = [
    {"num_layers": layers, "bidirectional": bidirectional, "bias": bias}
    for layers, bidirectional, bias in product((1, 3), (False, True), (False, True))
]
NETWORKS = [
    Spec(rnn_type=rnn_type, **shape, **SIZES)
    for rnn_type, shape in product(("rnn", "gru", "lstm"), SHAPES)
]


def arrays_of(path: Path) -> dict[str, NDArray[Any]]:
    """Read a file by its library."""
    if path.suffix == ".safetensors":
        return dict(load_file(path))
    tree = serialization.msgpack_restore(path.read_bytes())
    del tree["stepzero"]
    return dict(traverse_util.flatten_dict(tree, sep="/"))


def totals(state: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the weights, and the sum of the two biases of each cell; of the gate of a GRU whose
    biases have different effects, both.
    """
    found = {name: array for name, array in state.items() if name.startswith("weight")}
    for name, bias in state.items():
        if name.startswith("bias_ih"):
            other = state[name.replace("_ih", "_hh")]
            found[name] = bias + other
            found[f"{name} of the last gate"] = other[-SIZES["hidden_size"] :]
    return found


@pytest.mark.parametrize("spec", NETWORKS, ids=canonical_json)
@pytest.mark.parametrize(
    ("name", "layout"),
    [("flax", "flax"), ("flax_safetensors", "flax"), ("mlx", "mlx")],
)
def test_an_upload_of_a_file_has_the_same_totals(
    tmp_path: Path, name: FormatName, layout: str, spec: Spec
) -> None:
    if name == "mlx" and spec.bidirectional:
        return  # refused; see test_mlx.py
    path = stepzero_rnn.save(spec, tmp_path / f"file.{FORMATS[name].suffix}")
    uploads = saved(tmp_path / "from", arrays_of(path), "safetensors")
    has_bias = spec.bias or name != "mlx"  # Flax's cells always have biases, here of zeros

    taken(tmp_path, uploads, spec.model_copy(update={"bias": has_bias}), layout=layout, strict=True)

    expected = totals({n: tensor.numpy() for n, tensor in stepzero_rnn.state_dict(spec).items()})
    found = totals(kept(tmp_path))
    if spec.rnn_type != "gru":  # only the total of the biases has an effect
        found = {n: array for n, array in found.items() if "last gate" not in n}
    for n, array in found.items():
        np.testing.assert_array_equal(array, expected.get(n, np.zeros_like(array)), err_msg=n)
