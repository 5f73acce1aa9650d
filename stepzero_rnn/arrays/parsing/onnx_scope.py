"""The names of an ONNX graph: which are tensors, and which node computes each other one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stepzero_rnn.arrays.parsing.parsed import Refused

_MAX_DEPTH = 16
_MAX_STEPS = 16


class Scope:
    """The names of one graph, and of those around it."""

    def __init__(self, graph: Any, around: Scope | None) -> None:
        self._around = around
        self._tensors = {tensor.name: tensor for tensor in graph.initializer}
        self._makers: dict[str, Any] = {}

    def add(self, node: Any) -> None:
        """Add the outputs of a node, which are tensors if it is a Constant."""
        self._makers.update(dict.fromkeys(node.output, node))
        if node.op_type == "Constant":
            values = [attribute.t for attribute in node.attribute if attribute.name == "value"]
            self._tensors.update(zip(node.output, values, strict=False))

    def maker(self, name: str) -> Any:
        """Return the node that computes a value; None if none does."""
        found = self._makers.get(name)
        return self._around.maker(name) if found is None and self._around else found

    def tensor(self, name: str) -> Any:
        """Return the tensor of a name, also behind Identity nodes; None if it is none."""
        for _ in range(_MAX_STEPS):
            if (found := self._stored(name)) is not None:
                return found
            node = self.maker(name)
            if node is None or node.op_type != "Identity" or not node.input:
                return None
            name = node.input[0]
        return None

    def source(self, name: str, through: frozenset[str]) -> Any:
        """Return the node whose first output becomes a value through nodes of some operators only;
        None if there is none.
        """
        for _ in range(_MAX_STEPS):
            node = self.maker(name)
            if node is None or node.op_type not in through or not node.input:
                return node if node is not None and name == node.output[0] else None
            name = node.input[0]
        return None

    def _stored(self, name: str) -> Any:
        found = self._tensors.get(name)
        return self._around._stored(name) if found is None and self._around else found  # noqa: SLF001 - its own class


def nodes(graph: Any, around: Scope | None = None, depth: int = 0) -> Iterator[tuple[Any, Scope]]:
    """Yield the nodes of a graph and of those inside it, such as the branches of an If."""
    if depth > _MAX_DEPTH:
        raise Refused(f"its graphs are nested more than {_MAX_DEPTH} deep")
    scope = Scope(graph, around)
    for node in graph.node:
        scope.add(node)
        yield node, scope
        for inner in (g for a in node.attribute for g in (a.g, *a.graphs) if g.node):
            yield from nodes(inner, scope, depth + 1)
