"""The records of a plan: blocks, tensors, and the plan itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stepzero_rnn.dtypes import DTYPES, DType
from stepzero_rnn.plan.forward_size import ForwardSize, forward_size
from stepzero_rnn.spec.canonical import as_object
from stepzero_rnn.spec.checkpoint import CheckSize, Spec
from stepzero_rnn.spec.networks import Kind, Role
from stepzero_rnn.spec.patches import Patch
from stepzero_rnn.spec.recipe import encode_recipe
from stepzero_rnn.spec.schemes.scripts import AnyScript
from stepzero_rnn.spec.schemes.unions import AnyBiasScheme, AnyWeightScheme

# Overhead of one direction of a layer, expressed in multiply-adds: once (planning, drawing and
# measuring), and per time step.  A core does about 20·10⁹ a second.
CELL_MULTIPLY_ADDS, STEP_MULTIPLY_ADDS = 20_000_000, 250_000
HALF_FACTOR = 24  # on a CPU, torch's float16 products take 8 to 46 times as long as float32's


@dataclass(frozen=True, slots=True, eq=False)
class ScriptPlan:
    """The kind and shape of every tensor that a script fills, in order.

    Compared by identity: each plan has one of its own.
    """

    script: AnyScript
    hidden_size: int
    tensors: tuple[tuple[Kind, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a tensor that is drawn independently.

    `start` is the index of its first element in the tensor, `stream` the random stream it is drawn
    from (for a script, its index in `steps`), `share` the fraction of the total bias that this
    vector holds, `patches` the parts taken from uploaded arrays, and `role` what the gate does.
    `biases` has the bias scheme of every gate by its role, if the weights depend on them.
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
        return self.rows * self.cols

    @property
    def given(self) -> int:
        """How many of its elements are taken from uploaded arrays."""
        return sum(patch.elements for patch in self.patches)

    @property
    def is_drawn(self) -> bool:
        """Whether any of its elements is drawn."""
        return self.given < self.elements


@dataclass(frozen=True, slots=True)
class TensorPlan:
    """One parameter: its PyTorch name, shape, size and blocks.

    `gates` are the names of its gates, in order; `scratch_bytes` is the memory that drawing one
    block needs in addition to the block, `multiply_adds` the linear algebra of drawing them all.
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
        """The scheme's name and non-default fields; an object by gate if the gates differ."""
        schemes = [block.scheme for block in self.blocks]
        if len({*schemes}) == 1:
            return as_object(schemes[0])
        by_gate = zip(self.gates, schemes, strict=True)
        return {gate: as_object(scheme) for gate, scheme in by_gate}

    @property
    def given(self) -> int:
        """How many of its elements are taken from uploaded arrays."""
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
            RecipeTooLong: it does not fit into a URL.
        """
        return encode_recipe(self.spec)

    @property
    def parameters(self) -> int:
        """The number of elements of all tensors."""
        return sum(tensor.elements for tensor in self.tensors)

    @property
    def size_bytes(self) -> int:
        """The size of all tensors, without the overhead of a file format."""
        return sum(tensor.size_bytes for tensor in self.tensors)

    def layers(self) -> Iterator[tuple[TensorPlan, ...]]:
        """Yield the tensors of each layer, both directions together."""
        per_layer = len(self.tensors) // self.spec.num_layers
        for first in range(0, len(self.tensors), per_layer):
            yield self.tensors[first : first + per_layer]

    def forward_size(self, asked: CheckSize) -> ForwardSize:
        """Return the size of the forward pass: as asked, and otherwise by that of the layers."""
        largest = max(sum(tensor.elements for tensor in layer) for layer in self.layers())
        return forward_size(largest, DTYPES[self.spec.dtype], asked)

    def working_bytes(self, check: ForwardSize) -> int:
        """Return the memory the check needs: one layer, its scratch memory and activations."""
        spec = self.spec
        gate_width = len(spec.network.rnn.letters) * spec.hidden_size * spec.directions
        wide = max(spec.input_size, spec.output_size) + spec.output_size + 2 * gate_width
        activations = 8 * check.seq_len * check.batch * wide
        return activations + max(
            sum(tensor.size_bytes for tensor in layer) + max(t.scratch_bytes for t in layer)
            for layer in self.layers()
        )

    def multiply_adds(self, check: ForwardSize) -> int:
        """Return the estimated work of the check in multiply-adds, overhead included."""
        forward = self.parameters * check.seq_len * check.batch
        if self.spec.dtype == "float16":
            forward *= HALF_FACTOR
        each = CELL_MULTIPLY_ADDS + STEP_MULTIPLY_ADDS * check.seq_len
        return forward + self.spec.cells * each + sum(t.multiply_adds for t in self.tensors)
