"""Writes networks of PyTorch into files of other programs: ONNX graphs and Keras's HDF5."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from stepzero_rnn.spec.checkpoint import Spec

ONNX_ORDER = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "rnn": (0,)}  # of PyTorch's gates
KERAS_ORDER = {"lstm": (0, 1, 2, 3), "gru": (1, 0, 2), "rnn": (0,)}
KERAS_CLASS = {"lstm": "lstm", "gru": "gru", "rnn": "simple_rnn"}


def module(spec: Spec) -> Any:
    """Make a network, with weights that are not ours."""
    torch.manual_seed(5)  # noqa: TID251 - torch's own module draws its weights
    size = spec.input_size, spec.hidden_size, spec.num_layers
    kind = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}[spec.rnn_type]
    return kind(*size, bias=spec.bias, bidirectional=spec.bidirectional)


def reordered(tensor: Any, order: tuple[int, ...]) -> Any:
    """Put blocks of rows, one for each gate, in another order."""
    blocks = tensor.detach().numpy()
    return np.concatenate([np.split(blocks, len(order))[gate] for gate in order])


def onnx_arrays(net: Any, rnn_type: str, layer: int) -> dict[str, Any]:
    """Return the arrays W, R and B of a layer."""
    state, order = net.state_dict(), ONNX_ORDER[rnn_type]
    ends = ("", "_reverse") if net.bidirectional else ("",)

    def both(kind: str) -> Any:
        return np.stack([reordered(state[f"{kind}_l{layer}{end}"], order) for end in ends])

    arrays = {"W": both("weight_ih"), "R": both("weight_hh")}
    if net.bias:
        arrays["B"] = np.concatenate([both("bias_ih"), both("bias_hh")], axis=1)
    return arrays


def onnx_nodes(net: Any, rnn_type: str, begin: str = "", **attributes: Any) -> Iterator[Any]:
    """Yield the nodes from `x` to `y`, and the tensors that they use, under names with `begin`."""
    value, settings = f"{begin}x", {"hidden_size": net.hidden_size, **attributes}
    if net.bidirectional:
        settings.setdefault("direction", "bidirectional")
    if rnn_type == "gru":
        settings.setdefault("linear_before_reset", 1)
    yield numpy_helper.from_array(np.array([0, 0, -1]), f"{begin}joined")
    for layer in range(net.num_layers):
        arrays = onnx_arrays(net, rnn_type, layer)
        names = [f"{begin}{name}{layer}" for name in arrays]
        for name, array in zip(names, arrays.values(), strict=True):
            yield numpy_helper.from_array(array, name)
        out, last = f"{begin}out{layer}", layer + 1 == net.num_layers
        yield helper.make_node(
            rnn_type.upper(), [value, *names], [out], name=f"/{begin}rnn/{layer}", **settings
        )
        yield helper.make_node("Transpose", [out], [f"{out}t"], perm=[0, 2, 1, 3])
        value = f"{begin}y" if last else f"{begin}next{layer}"
        yield helper.make_node("Reshape", [f"{out}t", f"{begin}joined"], [value])


def onnx_model(parts: list[Any], *begins: str) -> Any:
    """Make a model of nodes and tensors."""
    ends = [
        [
            helper.make_tensor_value_info(f"{begin}{end}", TensorProto.FLOAT, None)
            for begin in begins or [""]
        ]
        for end in "xy"
    ]
    nodes = [part for part in parts if isinstance(part, onnx.NodeProto)]
    tensors = [part for part in parts if isinstance(part, onnx.TensorProto)]
    graph = helper.make_graph(nodes, "net", *ends, initializer=tensors)
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8)


def onnx_bytes(net: Any, rnn_type: str, **attributes: Any) -> bytes:
    """Write one network as an ONNX file."""
    return bytes(onnx_model([*onnx_nodes(net, rnn_type, **attributes)]).SerializeToString())


def keras_arrays(net: Any, rnn_type: str, layer: int, end: str) -> list[Any]:
    """Return the kernel, the recurrent kernel and the bias of one direction of a layer."""
    state, order = net.state_dict(), KERAS_ORDER[rnn_type]
    given = {
        kind: reordered(state[f"{kind}_l{layer}{end}"], order)
        for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        if f"{kind}_l{layer}{end}" in state
    }
    arrays = [given["weight_ih"].T, given["weight_hh"].T]
    if net.bias:
        two = given["bias_ih"], given["bias_hh"]
        arrays.append(np.stack(two) if rnn_type == "gru" else two[0] + two[1])
    return arrays


def keras_datasets(net: Any, rnn_type: str) -> dict[str, Any]:
    """Return the arrays of a network by their names in a `.weights.h5` file of Keras 3."""
    datasets = {}
    kind = "bidirectional" if net.bidirectional else KERAS_CLASS[rnn_type]
    for layer in range(net.num_layers):
        place = f"layers/{kind}{f'_{layer}' * (layer > 0)}"
        sides = {"": "/forward_layer", "_reverse": "/backward_layer"}
        for end, side in sides.items() if net.bidirectional else [("", "")]:
            for number, array in enumerate(keras_arrays(net, rnn_type, layer, end)):
                datasets[f"{place}{side}/cell/vars/{number}"] = array
    return datasets


def hdf5(path: Path, datasets: Mapping[str, Any], **settings: Any) -> Path:
    """Write datasets into an HDF5 file."""
    with h5py.File(path, "w") as file:
        for name, array in datasets.items():
            file.create_dataset(name, data=array, **settings)
    return path
