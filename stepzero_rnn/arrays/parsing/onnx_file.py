"""Takes the arrays of the LSTM, GRU and RNN nodes of an ONNX graph.

The graph says which arrays belong to a recurrent network, so all others are left out.  Layers that
feed each other, through nodes that only move values, are one network.

Source:
    https://onnx.ai/onnx/operators/, LSTM, GRU and RNN: inputs X, W, R, B, sequence_lens, initial_h,
    initial_c, P.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnx

from stepzero_rnn.arrays.parsing.onnx_nodes import fault_of
from stepzero_rnn.arrays.parsing.onnx_tensors import external, parsed, uncomputed
from stepzero_rnn.arrays.parsing.parsed import Limits, Parsed, Refused, require

_RECURRENT = frozenset({"LSTM", "GRU", "RNN"})
_DOMAINS = frozenset({"", "ai.onnx"})
_ARRAYS = (("W", 1), ("R", 2), ("B", 3))
_MAX_NODES = 1 << 17
_MAX_DEPTH = 16
_MAX_STEPS = 16  # between two layers
# What exporters put between layers: it moves values, and does not change them.
_MOVES = frozenset(
    {"Cast", "Dropout", "Expand", "Flatten", "Identity", "Reshape", "Slice", "Squeeze"}
    | {"Transpose", "Unsqueeze"}
)
_LISTED = 8
_SHOWN_CHARS = 40


@dataclass(slots=True)
class _Scope:
    """What a graph defines: tensors, the node that computes each value; its parent's are visible
    too.
    """

    parent: _Scope | None = None
    tensors: dict[str, Any] = field(default_factory=dict)
    makers: dict[str, Any] = field(default_factory=dict)

    def tensor(self, name: str) -> Any:
        """Return the tensor of a name, through Constant and Identity nodes, or the node that
        computes it.
        """
        for _ in range(_MAX_STEPS):
            if (found := self._look("tensors", name)) is not None:
                return found
            maker = self._look("makers", name)
            if maker is None or maker.op_type != "Identity" or not maker.input:
                return maker
            name = maker.input[0]
        return None

    def layer_below(self, name: str) -> Any:
        """Return the recurrent node whose output, moved around at most, is the value of a name."""
        for _ in range(_MAX_STEPS):
            maker = self._look("makers", name)
            if maker is None or maker.op_type in _RECURRENT:
                return maker if maker is not None and name == maker.output[0] else None
            if maker.op_type not in _MOVES or not maker.input:
                return None
            name = maker.input[0]
        return None

    def _look(self, table: str, name: str) -> Any:
        scope: _Scope | None = self
        while scope is not None:
            if (found := getattr(scope, table).get(name)) is not None:
                return found
            scope = scope.parent
        return None


@dataclass(slots=True)
class _Layer:
    """A recurrent node, the graph it is in, its network and place in it, and whether a next layer
    is known.
    """

    node: Any
    scope: _Scope
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
    for number, (node, scope) in enumerate(_nodes(model.graph, None, 0)):
        require("nodes", number, _MAX_NODES)
        operators.add(node.op_type[:_SHOWN_CHARS])
        if node.op_type in _RECURRENT and node.domain in _DOMAINS:
            layers[id(node)] = _placed(node, scope, layers)
            require("arrays", len(_ARRAYS) * len(layers), limits.arrays)
    if not layers:
        others = ", ".join(sorted(operators)[:_LISTED]) or "none"
        raise Refused(f"its graph has no node LSTM, GRU or RNN; its nodes are: {others}")
    names = _names([*layers.values()])
    return [array for layer in layers.values() for array in _arrays(layer, names[layer.network])]


def _nodes(graph: Any, parent: _Scope | None, depth: int) -> Iterator[tuple[Any, _Scope]]:
    """Yield the nodes of a graph and of those inside it, such as the branches of an If."""
    if depth > _MAX_DEPTH:
        raise Refused(f"its graphs are nested more than {_MAX_DEPTH} deep")
    scope = _Scope(parent, {tensor.name: tensor for tensor in graph.initializer})
    for node in graph.node:
        scope.makers.update(dict.fromkeys(node.output, node))
        if node.op_type == "Constant" and node.output:
            values = [a.t for a in node.attribute if a.name == "value"]
            scope.tensors.update(dict.fromkeys(node.output, *values[:1]))
        yield node, scope
        for inner in (g for a in node.attribute for g in (a.g, *a.graphs) if g.node):
            yield from _nodes(inner, scope, depth + 1)


def _placed(node: Any, scope: _Scope, layers: dict[int, _Layer]) -> _Layer:
    """Find the network of a node: that of the layer below it, or a new one."""
    below = layers.get(id(scope.layer_below(node.input[0]))) if node.input else None
    if below and below.node.op_type == node.op_type and not below.feeds:
        below.feeds = True  # another layer on the same one is another network
        return _Layer(node, scope, below.network, below.index + 1)
    return _Layer(node, scope, sum(layer.index == 0 for layer in layers.values()), 0)


def _names(layers: list[_Layer]) -> list[str]:
    """Name each network: `layer` if it is the only one, else after its first node."""
    firsts = [layer.node for layer in layers if layer.index == 0]
    if len(firsts) == 1:
        return ["layer"]
    names: list[str] = []
    for number, node in enumerate(firsts):
        name = re.sub(r"[^\w./-]+", "_", node.name).strip("/")[:200] or f"{node.op_type}_{number}"
        names.append(name if name not in names else f"{name}_{number}")
    return names


def _arrays(layer: _Layer, name: str) -> Iterator[Parsed]:
    node = layer.node
    fault = fault_of(node)
    for array, place in _ARRAYS:
        given = node.input[place] if place < len(node.input) else ""
        if not given:
            continue
        full = f"{name}_{layer.index}/{array}"
        found = layer.scope.tensor(given)
        if found is None or isinstance(found, onnx.NodeProto):
            yield uncomputed(full, found)
        elif found.data_location == onnx.TensorProto.EXTERNAL:
            yield external(full)
        else:
            yield parsed(full, found, fault)
