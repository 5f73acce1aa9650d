"""What drawing a block takes where it is not drawn element by element: memory beside it, and
arithmetic.
"""

from __future__ import annotations

from statistics import NormalDist

from stepzero_rnn.plan.records import Block
from stepzero_rnn.spec.base import DrawCost
from stepzero_rnn.spec.networks import Kind
from stepzero_rnn.spec.schemes.dense import Lsuv
from stepzero_rnn.spec.schemes.scripts import Call, TorchSeeded

# A script may have to play the step of its largest tensor again; LAPACK takes some copies of it.
SCRIPT_SCRATCH = 4
SCRIPT_PRODUCTS = {"orthogonal_": 2}
PROBE_MULTIPLY_ADDS = (
    200_000  # of each vector of a probe, beside its product with the block; measured
)
# Of each element that torch's trunc_normal_ finds: where a cut keeps most of the numbers, and where
# it has to reject most.
CUT_MULTIPLY_ADDS, RARE_CUT_MULTIPLY_ADDS = 2_000, 150_000
_OFTEN = 0.3  # of the numbers kept


def scratch_bytes(block: Block) -> int:
    """Return the memory that drawing a block takes beside it."""
    cost = _cost(block)
    if cost is None:
        return 0
    rows, cols = _sides(block)
    return cost.scratch_bytes * rows * cols


def multiply_adds(block: Block, kind: Kind) -> int:
    """Return how many multiplications, each with an addition, drawing a block takes at most."""
    if isinstance(block.scheme, TorchSeeded):
        call = block.scheme.calls.get(kind)
        return _multiply_adds_of(call, block) if call else 0
    cost = _cost(block)
    products = cost.products if cost else 0
    probe = block.scheme.probe if isinstance(block.scheme, Lsuv) else 0
    if not (products or probe):
        return 0
    rows, cols = _sides(block)
    return rows * cols * (products * min(rows, cols) + probe) + probe * PROBE_MULTIPLY_ADDS


def _multiply_adds_of(call: Call, block: Block) -> int:
    """Return what a function of `torch.nn.init` takes of a parameter."""
    rows, cols = _sides(block)
    if call.function == "trunc_normal_":
        known = call.arguments
        cut = NormalDist(known["mean"], known["std"])
        is_often = cut.cdf(known["b"]) - cut.cdf(known["a"]) > _OFTEN
        return rows * cols * (CUT_MULTIPLY_ADDS if is_often else RARE_CUT_MULTIPLY_ADDS)
    return rows * cols * min(rows, cols) * SCRIPT_PRODUCTS.get(call.function, 0)


def _cost(block: Block) -> DrawCost | None:
    """Return the cost of a block that is drawn whole."""
    # A gated network's critical block is drawn element by element.
    is_plain = block.scheme.is_elementwise or bool(block.biases) or not block.is_drawn
    return None if is_plain else block.scheme.cost


def _sides(block: Block) -> tuple[int, int]:
    return -(-block.rows // 8) * 8, -(-block.cols // 8) * 8
