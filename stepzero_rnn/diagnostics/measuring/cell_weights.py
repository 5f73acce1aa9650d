"""The weights of one direction of a layer as float64, cut into gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from stepzero_rnn.engine.draw import Stored
from stepzero_rnn.engine.words.rounding import load
from stepzero_rnn.plan import TensorPlan
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.networks import Role

Matrix = NDArray[np.float64]


class CellWeights:
    """One direction of a layer.

    `blocks(kind)` are the gates of a parameter in PyTorch's order; a parameter that the network
    lacks has zeros.
    """

    def __init__(
        self, spec: Spec, tensors: Sequence[TensorPlan], drawn: Mapping[str, Stored]
    ) -> None:
        self.spec = spec
        self._values = {t.kind: load(drawn[t.name], t.dtype).astype(np.float64) for t in tensors}

    def blocks(self, kind: str) -> list[Matrix]:
        """Return the gates of `weight_ih` or `weight_hh`, (H, columns) each."""
        values = self._values[kind]  # type: ignore[index]
        gates, rows = len(self.spec.network.rnn.letters), self.spec.hidden_size
        return [*values.reshape(gates, rows, -1)]

    def by_role(self, kind: str) -> dict[Role, Matrix]:
        """Return the gates of `weight_hh`, or of a bias, by what they do."""
        gates, rows = self.spec.network.rnn.gates, self.spec.hidden_size
        if kind not in self._values:
            return {gate.role: np.zeros(rows) for gate in gates}
        values = self._values[kind].reshape(len(gates), rows, -1)
        each = values[..., 0] if kind.startswith("bias") else values
        return {gate.role: part for gate, part in zip(gates, each, strict=True)}

    def total_bias(self) -> dict[Role, Matrix]:
        """Return `b_ih + b_hh` of every gate."""
        one, other = self.by_role("bias_ih"), self.by_role("bias_hh")
        return {role: one[role] + other[role] for role in one}

    def plain_bias(self) -> Matrix:
        """Return `b_ih + b_hh` of a plain RNN."""
        zeros = np.zeros(self.spec.hidden_size)
        return self._values.get("bias_ih", zeros) + self._values.get("bias_hh", zeros)

    @property
    def projection(self) -> Matrix | None:
        """`weight_hr`, (P, H), if there is one."""
        values = self._values.get("weight_hr")
        return None if values is None else values.reshape(self.spec.proj_size, -1)
