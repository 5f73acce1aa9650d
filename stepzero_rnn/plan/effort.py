"""What drawing a block takes where it is not drawn element by element: memory beside it, and
arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist
from typing import NamedTuple

from stepzero_rnn.plan.records import Block
from stepzero_rnn.spec.networks import Kind
from stepzero_rnn.spec.schemes.dense import Lsuv
from stepzero_rnn.spec.schemes.scripts import Call, TorchSeeded


class Effort(NamedTuple):
    """What a scheme takes of a block (rows, cols), its sides in whole eights.

    `scratch_bytes` is for every element, `products` counts multiplications of the block by a matrix
    of its smaller side.
    """

    scratch_bytes: int
    products: int = 0


EFFORTS: Mapping[str, Effort] = {
    "orthogonal": Effort(12, 1),
    "sparse": Effort(8),
    "fsi": Effort(8),
    "critical": Effort(12, 1),
    "spectral_band": Effort(32, 3),
    "lsuv": Effort(24, 1),
    "spectral_radius": Effort(32, 28),
    "np_rnn": Effort(32, 15),
    "skew": Effort(32, 26),  # at the largest epsilon and std; 16 at the usual ones
    "ring_spectrum": Effort(32, 3),
}
NONE = Effort(0)
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
    each = _effort(block).scratch_bytes
    if not each:
        return 0
    rows, cols = _sides(block)
    return each * rows * cols


def multiply_adds(block: Block, kind: Kind) -> int:
    """Return how many multiplications, each with an addition, drawing a block takes at most."""
    if isinstance(block.scheme, TorchSeeded):
        call = block.scheme.calls.get(kind)
        return _multiply_adds_of(call, block) if call else 0
    products = _effort(block).products
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


def _effort(block: Block) -> Effort:
    effort = EFFORTS.get(block.scheme.scheme, NONE)
    if effort is NONE:
        return NONE
    # A gated network's critical block is made element by element.
    is_plain = block.scheme.is_elementwise or bool(block.biases) or not block.is_drawn
    return NONE if is_plain else effort


def _sides(block: Block) -> tuple[int, int]:
    return -(-block.rows // 8) * 8, -(-block.cols // 8) * 8
