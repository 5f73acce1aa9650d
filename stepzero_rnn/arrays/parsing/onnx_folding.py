"""Computes arrays that an exporter left as constants, and nodes that move their values.

Only such nodes are run, by the reference implementation of the package onnx.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from onnx import helper, numpy_helper

from stepzero_rnn.arrays.parsing.parsed import require

_MAX_NODES = 64
_FOLDED = frozenset(
    {"Cast", "Concat", "Constant", "Gather", "Identity", "Reshape", "Slice", "Split", "Squeeze"}
    | {"Transpose", "Unsqueeze"}
)

Look = Callable[[str], Any]


def folded(name: str, tensor: Look, maker: Look, opsets: Any) -> Any:
    """Return the tensor that constants and nodes compute; None if that takes other nodes.

    Args:
        tensor, maker: return the tensor of a name, or the node that computes it, or None.
        opsets: the versions of the operators.
    """
    nodes: list[Any] = []
    tensors: dict[str, Any] = {}
    if not _gathered(name, tensor, maker, (nodes, tensors)):
        return None
    from onnx.reference import ReferenceEvaluator  # takes a second

    ends = [helper.make_empty_tensor_value_info(name)]
    graph = helper.make_graph(nodes, "constants", [], ends, [*tensors.values()])
    model = helper.make_model(graph, opset_imports=opsets)
    return numpy_helper.from_array(ReferenceEvaluator(model).run(None, {})[0], name)


def _gathered(
    name: str, tensor: Look, maker: Look, found: tuple[list[Any], dict[str, Any]]
) -> bool:
    """Collect what computes a value, in order; return whether all of it can be run."""
    nodes, tensors = found
    if name in tensors or any(name in node.output for node in nodes):
        return True
    if (given := tensor(name)) is not None:
        tensors[name] = given
        given.name = name
        return bool(given.data_location != given.EXTERNAL)
    node = maker(name)
    if node is None or node.op_type not in _FOLDED or node.domain:
        return False
    if not all(_gathered(one, tensor, maker, found) for one in node.input if one):
        return False
    nodes.append(node)
    require("nodes that compute an array", len(nodes), _MAX_NODES)
    return True
