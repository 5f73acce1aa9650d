"""The weights of one direction of a layer as float64, one gate at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from stepzero_rnn.engine.draw import Stored
from stepzero_rnn.engine.words.rounding import load
from stepzero_rnn.plan import TensorPlan
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.networks import Kind, Role

Matrix = NDArray[np.float64]


class CellWeights:
    """One direction of a layer; gates are converted when they are read, and not kept."""

    def __init__(
        self, spec: Spec, tensors: Sequence[TensorPlan], drawn: Mapping[str, Stored]
    ) -> None:
        self.spec = spec
        self._tensors = {tensor.kind: tensor for tensor in tensors}
        self._drawn = drawn

    def recurrent_blocks(self) -> Iterator[Matrix]:
        """Yield the gates of `weight_hh`, (H, columns) each, in PyTorch's order."""
        for place in range(len(self.spec.network.rnn.letters)):
            yield self._gate("weight_hh", place)

    def recurrent(self, role: Role) -> Matrix:
        """Return the gate of `weight_hh` that has a role, (H, columns)."""
        return self._gate("weight_hh", self._place(role))

    def bias(self, kind: Kind, role: Role | None = None) -> Matrix:
        """Return a gate of a bias, (H,); zeros if there is none.  A plain RNN has no roles."""
        if kind not in self._tensors:
            return np.zeros(self.spec.hidden_size)
        return self._gate(kind, self._place(role) if role else 0).reshape(-1)

    def total_bias(self, role: Role | None = None) -> Matrix:
        """Return `b_ih + b_hh` of a gate, (H,)."""
        return self.bias("bias_ih", role) + self.bias("bias_hh", role)

    @property
    def projection(self) -> Matrix | None:
        """`weight_hr`, (P, H), if there is one."""
        if "weight_hr" not in self._tensors:
            return None
        return self._values("weight_hr", slice(None)).reshape(self.spec.proj_size, -1)

    def _gate(self, kind: Kind, place: int) -> Matrix:
        tensor, rows = self._tensors[kind], self.spec.hidden_size
        elements = tensor.gate_elements
        part = slice(place * elements, (place + 1) * elements)
        return self._values(kind, part).reshape(rows, -1)

    def _place(self, role: Role) -> int:
        return [gate.role for gate in self.spec.network.rnn.gates].index(role)

    def _values(self, kind: Kind, part: slice) -> Matrix:
        tensor = self._tensors[kind]
        return load(self._drawn[tensor.name][part], tensor.dtype).astype(np.float64)
