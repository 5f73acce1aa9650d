"""Keras 3: the weights as an HDF5 file, and a model with them.

A network is a `Sequential` of one layer after another, each of which returns its whole sequence.

Source:
    Keras 3.15, `src/saving/saving_lib.py` and `src/layers/rnn`, https://github.com/keras-team/keras.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from stepzero_rnn.dtypes import DTYPES
from stepzero_rnn.formats import hdf5
from stepzero_rnn.formats.foreign import Cell, arrays_of, cells_of
from stepzero_rnn.formats.origin import KEY, origin_json
from stepzero_rnn.formats.segments import Literal, Segment, merge
from stepzero_rnn.formats.stored_zip import ZipEntry, stored_zip
from stepzero_rnn.plan import Plan
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.networks import RnnType

_VERSION = "3.15.1"  # whose file format this is
_CLASSES: Mapping[RnnType, tuple[str, str]] = {  # with their names in a file
    "lstm": ("LSTM", "lstm"),
    "gru": ("GRU", "gru"),
    "rnn": ("SimpleRNN", "simple_rnn"),
}
_DIRECTIONS = ("forward_layer", "backward_layer")


def weights(plan: Plan) -> tuple[Segment, ...]:
    """Lay out a plan as a `.weights.h5` file, for `load_weights`."""
    spec = plan.spec
    name = "bidirectional" if spec.bidirectional else _CLASSES[spec.rnn_type][1]
    layers = {
        f"{name}_{layer}" if layer else name: _layer(plan, cells)
        for layer, cells in enumerate(cells_of(plan))
    }
    tree = {"layers": layers}
    return tuple(merge(hdf5.file(tree, DTYPES[spec.dtype], (KEY, origin_json(spec)))))


def model(plan: Plan) -> tuple[Segment, ...]:
    """Lay out a plan as a `.keras` file, for `load_model`."""
    metadata = {"keras_version": _VERSION, "date_saved": "1980-01-01@00:00:00"}
    return stored_zip(
        (
            _text("metadata.json", metadata),
            _text("config.json", _sequential(plan.spec)),
            ZipEntry("model.weights.h5", weights(plan)),
        ),
        comment=origin_json(plan.spec).encode("ascii"),
    )


def cannot(spec: Spec) -> str:
    """Return why Keras's layers do not compute what a network does, or nothing."""
    return "Keras's LSTM has no projection" if spec.proj_size else ""


def warning(spec: Spec) -> str:
    """Return what Keras 3.15 cannot do with a checkpoint, or nothing."""
    if spec.dtype == "float64":
        return (
            "on JAX, Keras has float64 only with `jax_enable_x64`; the state of its SimpleRNN "
            "begins as float32 on every backend"
        )
    if spec.rnn_type == "gru" and not spec.bias and DTYPES[spec.dtype].item_bytes == 2:
        return f"on JAX, Keras does not run a GRU without bias in {spec.dtype}"
    return ""


def _layer(plan: Plan, cells: Sequence[Cell]) -> Mapping[str, hdf5.Node]:
    cell, *rest = (_cell(plan, cell) for cell in cells)
    return dict(zip(_DIRECTIONS, (cell, *rest), strict=True)) if rest else cell


def _cell(plan: Plan, cell: Cell) -> Mapping[str, hdf5.Node]:
    arrays = arrays_of(plan, "keras", [cell]).values()
    return {"cell": {"vars": {str(place): array for place, array in enumerate(arrays)}}}


def _text(name: str, content: Any) -> ZipEntry:
    return ZipEntry(name, (Literal(json.dumps(content).encode("ascii")),))


def _sequential(spec: Spec) -> dict[str, Any]:
    shape = [None, None, spec.input_size]
    entry = {"batch_shape": shape, "dtype": spec.dtype, "name": "input_layer"}
    layers = [_object("InputLayer", entry)]
    for layer in range(spec.num_layers):
        of_layer = [None, None, spec.network.inputs(layer)]
        layers.append({**_layer_config(spec, layer), "build_config": {"input_shape": of_layer}})
    config = {"name": "sequential", "trainable": True, "dtype": _dtype(spec), "layers": layers}
    sequential = {"module": "keras", "class_name": "Sequential", "config": config}
    return {**sequential, "registered_name": None, "build_config": {"input_shape": shape}}


def _layer_config(spec: Spec, layer: int) -> dict[str, Any]:
    number = f"_{layer}" if layer else ""
    if not spec.bidirectional:
        return _recurrent(spec, f"{_CLASSES[spec.rnn_type][1]}{number}")
    wrapper = {"name": f"bidirectional{number}", "trainable": True, "dtype": _dtype(spec)}
    name = f"{_CLASSES[spec.rnn_type][1]}{number}"
    both = {
        "layer": _recurrent(spec, f"forward_{name}"),
        "backward_layer": _recurrent(spec, f"backward_{name}", go_backwards=True),
    }
    return _object("Bidirectional", {**wrapper, "merge_mode": "concat", **both})


def _recurrent(spec: Spec, name: str, *, go_backwards: bool = False) -> dict[str, Any]:
    config = {
        "name": name,
        "trainable": True,
        "dtype": _dtype(spec),
        "return_sequences": True,
        "go_backwards": go_backwards,
        "units": spec.hidden_size,
        "activation": spec.nonlinearity or "tanh",
        "use_bias": spec.bias,
    }
    if spec.rnn_type != "rnn":
        config["recurrent_activation"] = "sigmoid"
    if spec.rnn_type == "gru":
        config["reset_after"] = True
    if DTYPES[spec.dtype].item_bytes == 2:  # orthogonal matrices cannot be drawn in it by JAX
        zeros = {"module": "keras.initializers", "class_name": "Zeros", "config": {}}
        config["recurrent_initializer"] = {**zeros, "registered_name": None}
    return _object(_CLASSES[spec.rnn_type][0], config)


def _object(name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    kind = {"module": "keras.layers", "class_name": name}
    return {**kind, "config": config, "registered_name": None}


def _dtype(spec: Spec) -> dict[str, Any]:
    policy = {"module": "keras", "class_name": "DTypePolicy"}
    return {**policy, "config": {"name": spec.dtype}, "registered_name": None}
