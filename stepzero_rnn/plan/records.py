"""What a plan is made of: blocks, tensors, and all of them together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stepzero_rnn.dtypes import DType
from stepzero_rnn.spec.canonical import as_object
from stepzero_rnn.spec.checkpoint import CheckSize, Spec
from stepzero_rnn.spec.networks import Kind, Role
from stepzero_rnn.spec.patches import Patch
from stepzero_rnn.spec.recipe import encode_recipe
from stepzero_rnn.spec.schemes.scripts import AnyScript
from stepzero_rnn.spec.schemes.unions import AnyBiasScheme, AnyWeightScheme

# What a layer's direction takes beside the arithmetic of its weights, as multiplications and
# additions: once (it is laid out, drawn and looked at), and for each of its time steps.  A core
# does some 20 000 million a second.
CELL_MULTIPLY_ADDS, STEP_MULTIPLY_ADDS = 20_000_000, 250_000
HALF_FACTOR = 24  # torch has only slow products of float16 on a CPU: 8 to 46 times float32's

RETENTION_GATE: Mapping[str, str] = {
    "gru": "z",
    "lstm": "f",
}  # open, it keeps the state (PyTorch's sign)


@dataclass(frozen=True, slots=True, eq=False)
class ScriptPlan:
    """What a script fills, in its order: the kind and shape of every tensor.

    One plan has one; it is equal to no other.
    """

    script: AnyScript
    hidden_size: int
    tensors: tuple[tuple[Kind, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a tensor that is drawn by itself.

    `start` is its first element in the tensor, `stream` the random stream it is drawn from (of a
    script: its place in the `steps`), `share` the part of a total bias that this vector takes,
    `patches` what of it uploaded arrays give, `role` what the gate does, and `biases` the schemes
    of all gates by their roles, where a weight depends on them.
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
    steps: ScriptPlan | None = None
    biases: tuple[tuple[Role, AnyBiasScheme], ...] = ()
    role: Role | None = None

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

    `gates` are the names of its gates, in order; `scratch_bytes` is the memory that drawing one of
    its blocks takes beside the block itself, `multiply_adds` the linear algebra of drawing all.
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
    multiply_adds: int

    @property
    def scheme(self) -> dict[str, Any]:
        """The scheme, by name and what differs from its defaults; by gate where they have different
        ones.
        """
        schemes = [block.scheme for block in self.blocks]
        if len({*schemes}) == 1:
            return as_object(schemes[0])
        named = zip(self.gates, schemes, strict=True)
        return {gate: as_object(scheme) for gate, scheme in named}

    @property
    def given(self) -> int:
        """How many of its elements uploaded arrays give."""
        return sum(block.given for block in self.blocks)

    @property
    def gate_elements(self) -> int:
        """How many elements each gate has."""
        return self.elements // len(self.gates)

    @property
    def is_expensive(self) -> bool:
        """Whether drawing it takes much longer than copying it."""
        return self.scratch_bytes > 0


@dataclass(frozen=True, slots=True)
class Plan:
    """All tensors of a checkpoint, in `state_dict` order."""

    spec: Spec
    tensors: tuple[TensorPlan, ...]

    @property
    def recipe(self) -> str:
        """The recipe's token.

        Raises:
            RecipeTooLong: no address has room for it.
        """
        return encode_recipe(self.spec)

    @property
    def parameters(self) -> int:
        """How many numbers the checkpoint holds."""
        return sum(tensor.elements for tensor in self.tensors)

    @property
    def size_bytes(self) -> int:
        """How many bytes the tensors take, without any file's frame."""
        return sum(tensor.size_bytes for tensor in self.tensors)

    def layers(self) -> Iterator[tuple[TensorPlan, ...]]:
        """Return the tensors of one layer after another, both directions together."""
        per_layer = len(self.tensors) // self.spec.num_layers
        for first in range(0, len(self.tensors), per_layer):
            yield self.tensors[first : first + per_layer]

    def working_bytes(self, check: CheckSize) -> int:
        """Return the memory that checking takes: one layer, its scratch and its activations."""
        spec = self.spec
        gate_width = len(spec.network.rnn.letters) * spec.hidden_size * spec.directions
        wide = max(spec.input_size, spec.output_size) + spec.output_size + 2 * gate_width
        activations = 8 * check.seq_len * check.batch * wide
        return activations + max(
            sum(tensor.size_bytes for tensor in layer) + max(t.scratch_bytes for t in layer)
            for layer in self.layers()
        )

    def multiply_adds(self, check: CheckSize) -> int:
        """Return how long checking takes, in multiplications with an addition each: of the weights,
        and of what goes with them.
        """
        forward = self.parameters * check.seq_len * check.batch
        if self.spec.dtype == "float16":
            forward *= HALF_FACTOR
        each = CELL_MULTIPLY_ADDS + STEP_MULTIPLY_ADDS * check.seq_len
        return forward + self.spec.cells * each + sum(t.multiply_adds for t in self.tensors)
