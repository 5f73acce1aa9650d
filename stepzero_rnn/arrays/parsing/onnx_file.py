"""Takes the arrays of the LSTM, GRU and RNN nodes of an ONNX graph.

The graph says which arrays belong to a recurrent network, so all others are left out.  Layers that
feed each other, through nodes that only move values, are one network.

Source:
    https://onnx.ai/onnx/operators/, LSTM, GRU and RNN: inputs X, W, R, B, sequence_lens, initial_h,
    initial_c, P.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import onnx

from stepzero_rnn.arrays.parsing.onnx_folding import folded
from stepzero_rnn.arrays.parsing.onnx_nodes import fault_of
from stepzero_rnn.arrays.parsing.onnx_scope import Scope, nodes
from stepzero_rnn.arrays.parsing.onnx_tensors import described, external, uncomputed
from stepzero_rnn.arrays.parsing.parsed import Limits, Parsed, Refused, require

_RECURRENT = frozenset({"LSTM", "GRU", "RNN"})
_DOMAINS = frozenset({"", "ai.onnx"})
_ARRAYS = (("W", 1), ("R", 2), ("B", 3))
_MAX_NODES = 1 << 17
# What exporters put between layers: it moves values, and does not change them.
_MOVES = frozenset(
    {"Cast", "Dropout", "Expand", "Identity", "Reshape", "Slice", "Squeeze", "Transpose"}
    | {"Unsqueeze"}
)
_LISTED = 8
_SHOWN_CHARS = 40
_MAX_NAME_CHARS = 200


@dataclass(slots=True)
class _Layer:
    """A recurrent node and its arrays, its network and place in it, and whether a next layer is
    known.
    """

    node: Any
    arrays: Sequence[tuple[str, Any]]
    network: int
    index: int
    feeds: bool = False


def parse(path: Path, limits: Limits) -> list[Parsed]:
    """List the arrays of a file's recurrent nodes.

    Raises:
        Refused, Exceeded: it is not read.
    """
    model = onnx.ModelProto.FromString(path.read_bytes())
    operators: set[str] = set()
    layers: dict[int, _Layer] = {}  # by the identity of their nodes
    for number, (node, scope) in enumerate(nodes(model.graph)):
        require("nodes", number, _MAX_NODES)
        operators.add(node.op_type[:_SHOWN_CHARS])
        if node.op_type in _RECURRENT and node.domain in _DOMAINS:
            layers[id(node)] = _layer(node, scope, layers, model.opset_import)
            require("arrays", len(_ARRAYS) * len(layers), limits.arrays)
    if not layers:
        others = ", ".join(sorted(operators)[:_LISTED]) or "none"
        raise Refused(f"its graph has no node LSTM, GRU or RNN; its nodes are: {others}")
    networks = _networks([*layers.values()])
    return [array for network, name in _named(networks) for array in _described(network, name)]


def _layer(node: Any, scope: Scope, layers: dict[int, _Layer], opsets: Any) -> _Layer:
    """Find the network of a node: that of the layer below it, or a new one."""
    arrays = [*_found(node, scope, opsets)]
    below = layers.get(id(scope.source(node.input[0], _MOVES))) if node.input else None
    if below and below.node.op_type == node.op_type and not below.feeds:
        below.feeds = True  # another layer on the same one is another network
        return _Layer(node, arrays, below.network, below.index + 1)
    return _Layer(node, arrays, sum(layer.index == 0 for layer in layers.values()), 0)


def _found(node: Any, scope: Scope, opsets: Any) -> Iterator[tuple[str, Any]]:
    """Yield the arrays of a node: tensors or, if one cannot be computed, what computes it."""
    for array, place in _ARRAYS:
        name = node.input[place] if place < len(node.input) else ""
        if not name:
            continue
        found = scope.tensor(name)
        if found is None:
            found = folded(name, scope.tensor, scope.maker, opsets) or scope.maker(name)
        yield array, found


def _networks(layers: list[_Layer]) -> list[list[_Layer]]:
    """Group layers by network; of networks with the same arrays, as in the branches of an If, only
    the first is kept.
    """
    layers.sort(key=lambda layer: (layer.network, layer.index))
    networks = [[*group] for _, group in groupby(layers, key=lambda layer: layer.network)]
    if len(networks) == 1:
        return networks
    return [*{_digest(network): network for network in reversed(networks)}.values()][::-1]


def _digest(network: list[_Layer]) -> bytes:
    digest = hashlib.sha256()
    for layer in network:
        given = onnx.NodeProto(op_type=layer.node.op_type, attribute=layer.node.attribute)
        digest.update(given.SerializeToString(deterministic=True))
        for _, tensor in layer.arrays:
            if isinstance(tensor, onnx.TensorProto):
                tensor.name = ""
                digest.update(tensor.SerializeToString(deterministic=True))
            else:
                digest.update(str(id(layer)).encode())
    return digest.digest()


def _named(networks: Sequence[list[_Layer]]) -> Iterator[tuple[list[_Layer], str]]:
    """Name each network: `layer` if it is the only one, else after its first node.

    Numbers at the end of a step would count layers, so they get a trailing underscore.
    """
    given: set[str] = set()
    for number, network in enumerate(networks):
        node = network[0].node
        name = re.sub(r"[^\w./-]+", "_", node.name).strip("/")[:_MAX_NAME_CHARS]
        name = re.sub(r"(?<=\d)(?=[/.]|$)", "_", name)
        if not name or name in given:
            name = f"{name or node.op_type}_{number}_"
        given.add(name)
        yield network, name if len(networks) > 1 else "layer"


def _described(network: Sequence[_Layer], name: str) -> Iterator[Parsed]:
    for layer in network:
        fault = fault_of(layer.node)
        for array, found in layer.arrays:
            full = f"{name}_{layer.index}/{array}"
            if not isinstance(found, onnx.TensorProto):
                yield uncomputed(full, found)
            elif found.data_location == onnx.TensorProto.EXTERNAL:
                yield external(full)
            else:
                yield described(full, found, fault)
