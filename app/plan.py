"""What a checkpoint costs and what is drawn where: integers only, before anything is built.

A plan lists the tensors in `state_dict` order.  Each is cut into blocks, the pieces that are drawn by
themselves: one per gate, or the whole tensor.  Nothing infers gates or fans from a stacked tensor later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod
from typing import Any, Literal

from app.dtypes import DTYPES, DType
from app.spec.biases import PytorchBias, SplitScheme, ZerosBias
from app.spec.canonical import STREAM_VERSION, as_object
from app.spec.checkpoint import CheckSize, Spec
from app.spec.matrices import Critical
from app.spec.overrides import GATE_NAMES, WHOLE
from app.spec.patches import Given, Patch, stacked
from app.spec.schemes import AnyBiasScheme, AnyWeightScheme
from app.spec.scripts import AnyScript
from app.spec.weights import FanScheme

Kind = Literal["weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr"]
FEW_CELLS = 16  # layers and directions that are planned within a few milliseconds, and whose plans are remembered

GATES: Mapping[str, tuple[str, ...]] = {
    rnn_type: tuple(names.values()) or (WHOLE,) for rnn_type, names in GATE_NAMES.items()
}
KEEPING_GATE: Mapping[str, str] = {
    "gru": "z",
    "lstm": "f",
}  # open, it keeps the state (PyTorch's sign)

# Bytes of scratch per element of a block that cannot be drawn element by element, its sides in whole eights.
SCRATCH_BYTES: Mapping[str, int] = {
    "orthogonal": 12,
    "sparse": 8,
    "fsi": 8,
    "critical": 12,
    "spectral_band": 32,
    "lsuv": 24,
    "spectral_radius": 32,
    "np_rnn": 32,
    "skew": 32,
    "ring_spectrum": 32,
}
# A script may have to play the step of its largest tensor again; LAPACK takes some copies of it.
SCRIPT_SCRATCH = 4


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """What a script fills, in its order: the kind and shape of every tensor.  One plan has one; it is equal to no other."""

    script: AnyScript
    hidden_size: int
    tensors: tuple[tuple[Kind, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a tensor that is drawn by itself.

    `start` is its first element in the tensor, `stream` the random stream it is drawn from (of a script: its place in the
    `steps`), `share` the part of a total bias that this vector takes, `patches` what of it uploaded arrays give.
    """

    gate: str
    start: int
    rows: int
    cols: int
    hidden_size: int
    fan_in: int
    fan_out: int
    stream: int
    scheme: AnyWeightScheme | AnyBiasScheme | AnyScript
    share: float = 1.0
    patches: tuple[Patch, ...] = ()
    steps: Steps | None = None
    biases: tuple[AnyBiasScheme, ...] = ()

    @property
    def elements(self) -> int:
        """How many elements it has."""
        return self.rows * self.cols

    @property
    def given(self) -> int:
        """How many of them uploaded arrays give."""
        return sum(patch.elements for patch in self.patches)

    @property
    def is_drawn(self) -> bool:
        """Whether any of them is drawn."""
        return self.given < self.elements


@dataclass(frozen=True, slots=True)
class TensorPlan:
    """One parameter: its PyTorch name, shape and blocks; how many elements it has, and bytes.

    `scratch_bytes` is the memory that drawing one of its blocks takes beside the block itself.
    """

    name: str
    kind: Kind
    layer: int
    reverse: bool
    shape: tuple[int, ...]
    dtype: DType
    gates: tuple[str, ...]
    blocks: tuple[Block, ...]
    elements: int
    size_bytes: int
    scratch_bytes: int

    @property
    def scheme(self) -> dict[str, Any]:
        """The scheme, by name and what differs from its defaults; by gate where they have different ones."""
        schemes = {block.gate: block.scheme for block in self.blocks}
        if len({*schemes.values()}) == 1:
            return as_object(self.blocks[0].scheme)
        return {gate: as_object(scheme) for gate, scheme in schemes.items()}

    @property
    def given(self) -> int:
        """How many of its elements uploaded arrays give."""
        return sum(block.given for block in self.blocks)

    @property
    def gate_elements(self) -> int:
        """How many elements each gate has."""
        return self.elements // len(self.gates)

    @property
    def is_dear(self) -> bool:
        """Whether drawing it takes much longer than copying it."""
        return self.scratch_bytes > 0


@dataclass(frozen=True, slots=True)
class Plan:
    """All tensors of a checkpoint, in `state_dict` order."""

    spec: Spec
    tensors: tuple[TensorPlan, ...]

    @property
    def parameters(self) -> int:
        """How many numbers the checkpoint holds."""
        return sum(tensor.elements for tensor in self.tensors)

    @property
    def size_bytes(self) -> int:
        """How many bytes the tensors take, without any file's frame."""
        return sum(tensor.size_bytes for tensor in self.tensors)

    def layers(self) -> Iterator[tuple[TensorPlan, ...]]:
        """Give the tensors of one layer after another, both directions together."""
        per_layer = len(self.tensors) // self.spec.num_layers
        for first in range(0, len(self.tensors), per_layer):
            yield self.tensors[first : first + per_layer]

    def working_bytes(self, check: CheckSize) -> int:
        """Give the memory that checking takes: one layer, its scratch and its activations."""
        spec = self.spec
        gate_width = len(GATES[spec.rnn_type]) * spec.hidden_size * spec.directions
        wide = max(spec.input_size, spec.output_size) + spec.output_size + 2 * gate_width
        activations = 8 * check.seq_len * check.batch * wide
        return activations + max(
            sum(tensor.size_bytes for tensor in layer) + max(t.scratch_bytes for t in layer)
            for layer in self.layers()
        )


def plan(spec: Spec) -> Plan:
    """Lay out every tensor of a recipe."""
    return Plan(spec, (_known_tensors if spec.cells <= FEW_CELLS else _tensors)(spec.unseeded))


def _tensors(spec: Spec) -> tuple[TensorPlan, ...]:
    tensors = tuple(
        tensor
        for layer in range(spec.num_layers)
        for reverse in (False, True)[: spec.directions]
        for tensor in _Cell(spec, layer, reverse).tensors()
    )
    return tensors if spec.script is None else tuple(_scripted(tensors, spec.script))


def _scripted(tensors: tuple[TensorPlan, ...], script: AnyScript) -> Iterator[TensorPlan]:
    """Let a script fill every tensor as a whole, one after another."""
    hidden_size = tensors[0].blocks[0].hidden_size
    steps = Steps(script, hidden_size, tuple((t.kind, t.shape) for t in tensors))
    scratch = SCRIPT_SCRATCH * max(t.size_bytes for t in tensors)
    for place, tensor in enumerate(tensors):
        rows, cols = tensor.shape[0], prod(tensor.shape[1:])
        whole = Block(WHOLE, 0, rows, cols, hidden_size, cols, rows, place, script, steps=steps)
        yield replace(tensor, blocks=(whole,), scratch_bytes=scratch)


_known_tensors = lru_cache(256)(_tensors)


def stream_of(tensor_name: str, gate: str) -> int:
    """Give the random stream of a block: a function of its names and of nothing else."""
    named = f"{STREAM_VERSION}/{tensor_name}/{gate}".encode()
    return int.from_bytes(hashlib.blake2b(named).digest()[:8], "little")


@dataclass(frozen=True, slots=True)
class _Cell:
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
        """Give the schemes of the gates' biases, where a weight depends on them."""
        if not isinstance(scheme, Critical) or gates == (WHOLE,):
            return ()
        return tuple(self._schemes("bias", gates) if self.spec.bias else [ZerosBias()] * len(gates))

    def _schemes(self, parameter: str, gates: tuple[str, ...]) -> list[Any]:
        places = ((self.layer, self.reverse, gate) for gate in gates)
        return [self.spec.scheme_at(parameter, place) for place in places]

    def _patches(self, kind: Kind, gates: tuple[str, ...]) -> list[tuple[Patch, ...]]:
        """Give what uploaded arrays give of every gate."""
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
            max(map(_scratch_bytes, blocks)),
        )


def _fans(kind: Kind, scheme: AnyWeightScheme) -> str:
    """Say of which matrix a scheme takes the fans; a projection is no part of that over input and state."""
    return scheme.fans if isinstance(scheme, FanScheme) and kind != "weight_hr" else "block"


def _scratch_bytes(block: Block) -> int:
    normal = bool(
        block.biases
    )  # a gated network's critical block, which is made element by element
    if block.scheme.is_elementwise or normal or not block.is_drawn:
        return 0
    rows, cols = (-(-side // 8) * 8 for side in (block.rows, block.cols))
    return SCRATCH_BYTES.get(block.scheme.scheme, 0) * rows * cols


def _bias_name(kind: Kind, scheme: AnyBiasScheme) -> str:
    """Name what is drawn; a total has a stream of its own, so where it is put changes no number of it."""
    return kind if _is_of_each(scheme) else "bias"


def _is_of_each(scheme: AnyBiasScheme) -> bool:
    """Whether the two vectors are drawn by themselves."""
    return isinstance(scheme, PytorchBias) or getattr(scheme, "split", "") == "each"


def _drawn_as(gate: str, scheme: AnyBiasScheme) -> str:
    """Give the gate whose random numbers a gate's total is made of."""
    tied = gate == "i" and isinstance(scheme, SplitScheme) and scheme.ties_input_gate
    return KEEPING_GATE["lstm"] if tied else gate


def _share(kind: Kind, gate: str, scheme: AnyBiasScheme) -> float:
    """Give the part of a gate's total bias that `kind` takes."""
    if not isinstance(scheme, SplitScheme) or scheme.split == "each":
        return 1.0
    # Only a GRU has a gate called n; its two biases are different inputs, so none is moved to the other.
    split = "ih" if gate == "n" else scheme.split
    if split == "half":
        return 0.5
    return 1.0 if kind == f"bias_{split}" else 0.0
