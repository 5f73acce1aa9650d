"""The distribution that a scheme promises for the elements of a block, where it defines one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stepzero_rnn.engine.schemes import law_of
from stepzero_rnn.identification.elementwise import REFERENCES, reference
from stepzero_rnn.plan import TensorPlan

Cdf = Callable[[Any], Any]


def expected_cdf(tensor: TensorPlan, gate: str) -> Cdf | None:
    """Return the cumulative distribution of the elements of a gate's block.

    None if the elements are not drawn independently of one another, or were not all drawn.
    """
    blocks = tensor.blocks if len(tensor.blocks) > 1 else tensor.blocks * len(tensor.gates)
    block = blocks[tensor.gates.index(gate)]
    if block.given:
        return None
    law = law_of(tensor, block)
    found = reference(law) if type(law) in REFERENCES else None
    return found.cdf if found else None
