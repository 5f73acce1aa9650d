"""The tensors of one direction of one layer, and the blocks that they are cut into."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

from stepzero_rnn.dtypes import DTYPES
from stepzero_rnn.plan import effort
from stepzero_rnn.plan.records import GATES, RETENTION_GATE, Block, Kind, TensorPlan
from stepzero_rnn.spec.canonical import STREAM_VERSION
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.overrides import WHOLE
from stepzero_rnn.spec.patches import Given, Patch, stacked
from stepzero_rnn.spec.schemes.biases import PytorchBias, SplitScheme, ZerosBias
from stepzero_rnn.spec.schemes.matrices import Critical
from stepzero_rnn.spec.schemes.unions import AnyBiasScheme, AnyWeightScheme
from stepzero_rnn.spec.schemes.weights import FanScheme


def stream_of(tensor_name: str, gate: str) -> int:
    """Return the random stream of a block: a function of its names and of nothing else."""
    named = f"{STREAM_VERSION}/{tensor_name}/{gate}".encode()
    return int.from_bytes(hashlib.blake2b(named).digest()[:8], "little")


@dataclass(frozen=True, slots=True)
class Cell:
    """One direction of one layer."""

    spec: Spec
    layer: int
    reverse: bool

    @property
    def suffix(self) -> str:
        return f"_l{self.layer}" + ("_reverse" if self.reverse else "")

    @property
    def inputs(self) -> int:
        return self.spec.input_size if self.layer == 0 else self.spec.output_size

    @property
    def state(self) -> int:
        return self.spec.proj_size or self.spec.hidden_size

    def tensors(self) -> Iterator[TensorPlan]:
        spec = self.spec
        gates = GATES[spec.rnn_type]
        rows, hidden = len(gates) * spec.hidden_size, spec.hidden_size
        yield self._weight("weight_ih", (rows, self.inputs), gates)
        yield self._weight("weight_hh", (rows, self.state), gates)
        if spec.bias:
            yield self._bias("bias_ih", gates)
            yield self._bias("bias_hh", gates)
        if spec.proj_size:
            shape = (spec.proj_size, hidden)
            yield self._weight("weight_hr", shape, (WHOLE,))

    def _weight(self, kind: Kind, shape: tuple[int, int], gates: tuple[str, ...]) -> TensorPlan:
        schemes = self._schemes(kind, gates)
        drawn = gates if schemes[0].scope == "gate" else (WHOLE,)
        rows, cols = shape[0] // len(drawn), shape[1]
        patches = self._patches(kind, gates)
        if len(drawn) < len(gates):
            patches = [stacked(patches, rows // len(gates))]
        blocks = [
            Block(
                gate=gate,
                start=place * rows * cols,
                rows=rows,
                cols=cols,
                hidden_size=self.spec.hidden_size,
                fan_in=self._fan_in(kind, scheme, cols),
                fan_out=2 * rows if _fans(kind, scheme) == "joint_pair" else rows,
                stream=stream_of(kind + self.suffix, gate),
                scheme=scheme,
                patches=patches[place],
                biases=self._biases_for(scheme, gates),
            )
            for place, (gate, scheme) in enumerate(zip(drawn, schemes, strict=False))
        ]
        return self._tensor(kind, shape, gates, blocks)

    def _bias(self, kind: Kind, gates: tuple[str, ...]) -> TensorPlan:
        hidden = self.spec.hidden_size
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
                stream=stream_of(_bias_name(kind, scheme) + self.suffix, _drawn_as(gate, scheme)),
                scheme=scheme,
                share=_share(kind, gate, scheme),
                patches=patches[place],
            )
            for place, (gate, scheme) in enumerate(
                zip(gates, self._schemes("bias", gates), strict=True)
            )
        ]
        return self._tensor(kind, (len(gates) * hidden,), gates, blocks)

    def _fan_in(self, kind: Kind, scheme: AnyWeightScheme, cols: int) -> int:
        return cols if _fans(kind, scheme) == "block" else self.inputs + self.state

    def _biases_for(
        self, scheme: AnyWeightScheme, gates: tuple[str, ...]
    ) -> tuple[AnyBiasScheme, ...]:
        """Return the schemes of the gates' biases, where a weight depends on them."""
        if not isinstance(scheme, Critical) or gates == (WHOLE,):
            return ()
        return tuple(self._schemes("bias", gates) if self.spec.bias else [ZerosBias()] * len(gates))

    def _schemes(self, parameter: str, gates: tuple[str, ...]) -> list[Any]:
        places = ((self.layer, self.reverse, gate) for gate in gates)
        return [self.spec.scheme_at(parameter, place) for place in places]

    def _patches(self, kind: Kind, gates: tuple[str, ...]) -> list[tuple[Patch, ...]]:
        """Return what uploaded arrays give of every gate."""
        spec = self.spec
        if spec.arrays is None:
            return [()] * len(gates)
        redrawn = spec.redrawn
        given = Given(spec.arrays, spec.network, spec.sizes, redrawn, self.layer, self.reverse)
        return given.patches(kind, kind + self.suffix, gates)

    def _tensor(
        self,
        kind: Kind,
        shape: tuple[int, ...],
        gates: tuple[str, ...],
        blocks: list[Block],
    ) -> TensorPlan:
        dtype, elements = DTYPES[self.spec.dtype], prod(shape)
        return TensorPlan(
            kind + self.suffix,
            kind,
            self.layer,
            self.reverse,
            shape,
            dtype,
            gates,
            tuple(blocks),
            elements,
            elements * dtype.item_bytes,
            max(map(effort.scratch_bytes, blocks)),
            sum(effort.multiply_adds(block, kind) for block in blocks),
        )


def _fans(kind: Kind, scheme: AnyWeightScheme) -> str:
    """Say of which matrix a scheme takes the fans; a projection is no part of that over input and
    state.
    """
    return scheme.fans if isinstance(scheme, FanScheme) and kind != "weight_hr" else "block"


def _bias_name(kind: Kind, scheme: AnyBiasScheme) -> str:
    """Name what is drawn; a total has a stream of its own, so where it is put changes no number of
    it.
    """
    return kind if _is_of_each(scheme) else "bias"


def _is_of_each(scheme: AnyBiasScheme) -> bool:
    """Whether the two vectors are drawn by themselves."""
    return isinstance(scheme, PytorchBias) or getattr(scheme, "split", "") == "each"


def _drawn_as(gate: str, scheme: AnyBiasScheme) -> str:
    """Return the gate whose random numbers a gate's total is made of."""
    tied = gate == "i" and isinstance(scheme, SplitScheme) and scheme.ties_input_gate
    return RETENTION_GATE["lstm"] if tied else gate


def _share(kind: Kind, gate: str, scheme: AnyBiasScheme) -> float:
    """Return the part of a gate's total bias that `kind` takes."""
    if not isinstance(scheme, SplitScheme) or scheme.split == "each":
        return 1.0
    # Only a GRU has a gate called n; its two biases are different inputs, so none is moved to the
    # other.
    split = "ih" if gate == "n" else scheme.split
    if split == "half":
        return 0.5
    return 1.0 if kind == f"bias_{split}" else 0.0
