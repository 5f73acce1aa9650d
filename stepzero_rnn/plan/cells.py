"""Plans the tensors of one direction of one layer, and the blocks they consist of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

from stepzero_rnn.dtypes import DTYPES
from stepzero_rnn.plan import effort
from stepzero_rnn.plan.records import Block, TensorPlan
from stepzero_rnn.spec.canonical import STREAM_VERSION
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.networks import WHOLE, Cell, Kind, Role
from stepzero_rnn.spec.patches import Patch, UploadedCell, stacked
from stepzero_rnn.spec.schemes.biases import PytorchBias, SplitScheme, ZerosBias
from stepzero_rnn.spec.schemes.matrices import Critical
from stepzero_rnn.spec.schemes.unions import AnyBiasScheme, AnyWeightScheme
from stepzero_rnn.spec.schemes.weights import FanScheme


def stream_of(tensor_name: str, gate: str) -> int:
    """Return the number of a block's random stream, which depends on these two names alone."""
    label = f"{STREAM_VERSION}/{tensor_name}/{gate}".encode()
    return int.from_bytes(hashlib.blake2b(label).digest()[:8], "little")


@dataclass(frozen=True, slots=True)
class CellPlanner:
    """Plans the tensors of one direction of one layer."""

    spec: Spec
    cell: Cell

    def tensors(self) -> Iterator[TensorPlan]:
        return map(self.tensor, self.spec.network.kinds)

    def tensor(self, kind: Kind) -> TensorPlan:
        """Plan one of them."""
        return self._bias(kind) if kind.startswith("bias") else self._weight(kind)

    def _weight(self, kind: Kind) -> TensorPlan:
        network = self.spec.network
        gates = network.letters(kind)
        height, cols = network.block_shape(kind, self.cell.layer)
        schemes = self._schemes(kind, gates)
        drawn = gates if schemes[0].scope == "gate" else (WHOLE,)
        rows = height * len(gates) // len(drawn)
        patches = self._patches(kind, gates)
        if len(drawn) < len(gates):
            patches = [stacked(patches, height)]
        blocks = [
            Block(
                gate=gate,
                start=place * rows * cols,
                rows=rows,
                cols=cols,
                hidden_size=self.spec.hidden_size,
                fan_in=self._fan_in(kind, scheme, cols),
                fan_out=2 * rows if _fans(kind, scheme) == "joint_pair" else rows,
                stream=stream_of(self.cell.name(kind), gate),
                scheme=scheme,
                patches=patches[place],
                biases=self._biases_for(scheme, kind),
                role=self._role(gate),
            )
            for place, (gate, scheme) in enumerate(zip(drawn, schemes, strict=False))
        ]
        return self._tensor(kind, (height * len(gates), cols), blocks)

    def _bias(self, kind: Kind) -> TensorPlan:
        hidden, gates = self.spec.hidden_size, self.spec.network.letters(kind)
        patches = self._patches(kind, gates)
        blocks = [
            Block(
                gate=gate,
                start=place * hidden,
                rows=hidden,
                cols=1,
                hidden_size=hidden,
                fan_in=1,
                fan_out=hidden,
                stream=stream_of(
                    self.cell.name(_bias_name(kind, scheme)), self._drawn_as(gate, scheme)
                ),
                scheme=scheme,
                share=self._share(kind, gate, scheme),
                patches=patches[place],
                role=self._role(gate),
            )
            for place, (gate, scheme) in enumerate(
                zip(gates, self._schemes("bias", gates), strict=True)
            )
        ]
        return self._tensor(kind, (len(gates) * hidden,), blocks)

    def _role(self, letter: str) -> Role | None:
        gate = self.spec.network.rnn.by_letter.get(letter)
        return gate.role if gate else None

    def _fan_in(self, kind: Kind, scheme: AnyWeightScheme, cols: int) -> int:
        network = self.spec.network
        joint = network.inputs(self.cell.layer) + network.state_size
        return cols if _fans(kind, scheme) == "block" else joint

    def _biases_for(
        self, scheme: AnyWeightScheme, kind: Kind
    ) -> tuple[tuple[Role, AnyBiasScheme], ...]:
        """Return the bias scheme of every gate if the weight scheme depends on them."""
        network = self.spec.network
        if not isinstance(scheme, Critical) or not network.gates(kind):
            return ()
        gates = network.rnn.gates
        schemes = (
            self._schemes("bias", network.rnn.letters)
            if network.bias
            else [ZerosBias()] * len(gates)
        )
        return tuple((gate.role, bias) for gate, bias in zip(gates, schemes, strict=True))

    def _drawn_as(self, gate: str, scheme: AnyBiasScheme) -> str:
        """Return the gate whose random stream the total bias of `gate` is drawn from."""
        is_tied = isinstance(scheme, SplitScheme) and scheme.ties_input_gate
        if is_tied and self._role(gate) == "write":
            return self.spec.network.rnn.letter_of("retention")
        return gate

    def _share(self, kind: Kind, gate: str, scheme: AnyBiasScheme) -> float:
        """Return the fraction of a gate's total bias that `kind` holds."""
        if not isinstance(scheme, SplitScheme) or scheme.split == "each":
            return 1.0
        # If a gate resets the state inside the candidate, the candidate's two biases have
        # different effects, so nothing moves from one to the other.
        rnn = self.spec.network.rnn
        is_apart = self._role(gate) == "candidate" and rnn.letter_of("reset") != WHOLE
        split = "ih" if is_apart else scheme.split
        if split == "half":
            return 0.5
        return 1.0 if kind == f"bias_{split}" else 0.0

    def _schemes(self, parameter: str, gates: tuple[str, ...]) -> list[Any]:
        places = ((*self.cell, gate) for gate in gates)
        return [self.spec.scheme_at(parameter, place) for place in places]

    def _patches(self, kind: Kind, gates: tuple[str, ...]) -> list[tuple[Patch, ...]]:
        """Return, for every gate, the patches taken from uploaded arrays."""
        spec = self.spec
        if spec.arrays is None:
            return [()] * len(gates)
        uploaded = UploadedCell(spec.arrays, spec.network, spec.redrawn, self.cell)
        return uploaded.patches(kind, self.cell.name(kind), gates)

    def _tensor(
        self,
        kind: Kind,
        shape: tuple[int, ...],
        blocks: list[Block],
    ) -> TensorPlan:
        dtype, elements = DTYPES[self.spec.dtype], prod(shape)
        return TensorPlan(
            self.cell.name(kind),
            kind,
            *self.cell,
            shape,
            dtype,
            tuple(self.spec.network.gates(kind)) or (WHOLE,),
            tuple(blocks),
            elements,
            elements * dtype.item_bytes,
            max(map(effort.scratch_bytes, blocks)),
            sum(effort.multiply_adds(block, kind) for block in blocks),
        )


def _fans(kind: Kind, scheme: AnyWeightScheme) -> str:
    """Return which matrix the fans refer to; a projection is never part of a joint matrix."""
    return scheme.fans if isinstance(scheme, FanScheme) and kind != "weight_hr" else "block"


def _bias_name(kind: Kind, scheme: AnyBiasScheme) -> str:
    """Return the name of the stream: a total bias has its own, so `split` never changes it."""
    return kind if _is_of_each(scheme) else "bias"


def _is_of_each(scheme: AnyBiasScheme) -> bool:
    """Whether the two bias vectors are drawn independently."""
    return isinstance(scheme, PytorchBias) or getattr(scheme, "split", "") == "each"
