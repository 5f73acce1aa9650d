"""The cost of drawing blocks that are not drawn element by element: scratch memory, arithmetic."""

from __future__ import annotations

from statistics import NormalDist

from stepzero_rnn.plan.records import Block
from stepzero_rnn.spec.base import DrawCost
from stepzero_rnn.spec.networks import Kind
from stepzero_rnn.spec.schemes.dense import Lsuv
from stepzero_rnn.spec.schemes.scripts import Call, TorchSeeded

# A script may have to repeat the step of its largest tensor; LAPACK needs some copies of that.
SCRIPT_SCRATCH = 4
SCRIPT_PRODUCTS = {"orthogonal_": 2}
PROBE_MULTIPLY_ADDS = 200_000  # per probe vector, besides its product with the block; measured
# Per element of torch's trunc_normal_: with a cut that accepts most numbers, and with one that
# rejects most.
CUT_MULTIPLY_ADDS, RARE_CUT_MULTIPLY_ADDS = 2_000, 150_000
_OFTEN = 0.3  # share of the numbers accepted


def scratch_bytes(block: Block) -> int:
    """Return the memory that drawing a block needs in addition to the block."""
    cost = _cost(block)
    if cost is None:
        return 0
    rows, cols = _sides(block)
    return cost.scratch_bytes * rows * cols


def multiply_adds(block: Block, kind: Kind) -> int:
    """Return an upper bound on the multiply-adds that drawing a block takes."""
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
    """Return the multiply-adds of a `torch.nn.init` function filling a parameter."""
    rows, cols = _sides(block)
    if call.function == "trunc_normal_":
        arguments = call.arguments
        normal = NormalDist(arguments["mean"], arguments["std"])
        is_often = normal.cdf(arguments["b"]) - normal.cdf(arguments["a"]) > _OFTEN
        return rows * cols * (CUT_MULTIPLY_ADDS if is_often else RARE_CUT_MULTIPLY_ADDS)
    return rows * cols * min(rows, cols) * SCRIPT_PRODUCTS.get(call.function, 0)


def _cost(block: Block) -> DrawCost | None:
    """Return the cost of a block that is drawn as a whole; None for any other."""
    # In a gated network, `critical` draws element by element.
    is_plain = block.scheme.is_elementwise or bool(block.biases) or not block.is_drawn
    return None if is_plain else block.scheme.cost


def _sides(block: Block) -> tuple[int, int]:
    return -(-block.rows // 8) * 8, -(-block.cols // 8) * 8
