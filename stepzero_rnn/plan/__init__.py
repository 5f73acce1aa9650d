"""What a checkpoint costs and what is drawn where: integers only, before anything is built.

A plan lists the tensors in `state_dict` order.  Each is cut into blocks, the pieces that are drawn
by themselves: one per gate, or the whole tensor.  Nothing infers gates or fans from a stacked
tensor later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from math import prod

from stepzero_rnn.plan import effort
from stepzero_rnn.plan.cells import CellPlanner, stream_of
from stepzero_rnn.plan.records import (
    Block,
    Plan,
    ScriptPlan,
    TensorPlan,
)
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.networks import WHOLE
from stepzero_rnn.spec.schemes.scripts import AnyScript
from stepzero_rnn.thresholds import PLANNED_AT_ONCE_CELLS

__all__ = [
    "Block",
    "GoOn",
    "Plan",
    "ScriptPlan",
    "TensorPlan",
    "always",
    "plan",
    "stream_of",
]


GoOn = Callable[[], object]


def always() -> None:
    """Let a plan go on to its end."""


def plan(spec: Spec, go_on: GoOn = always) -> Plan:
    """Lay out every tensor of a recipe.

    Args:
        go_on: called before each layer of a deep network; what it raises ends the plan.
    """
    if spec.cells <= PLANNED_AT_ONCE_CELLS:
        return Plan(spec, _known_tensors(spec.unseeded))
    return Plan(spec, _tensors(spec.unseeded, go_on))


def _tensors(spec: Spec, go_on: GoOn = always) -> tuple[TensorPlan, ...]:
    found: list[TensorPlan] = []
    for cell in spec.network.cells():
        go_on()
        found += CellPlanner(spec, cell).tensors()
    tensors = tuple(found)
    return tensors if spec.script is None else tuple(_scripted(tensors, spec.script))


def _scripted(tensors: tuple[TensorPlan, ...], script: AnyScript) -> Iterator[TensorPlan]:
    """Let a script fill every tensor as a whole, one after another."""
    hidden_size = tensors[0].blocks[0].hidden_size
    steps = ScriptPlan(script, hidden_size, tuple((t.kind, t.shape) for t in tensors))
    scratch = effort.SCRIPT_SCRATCH * max(t.size_bytes for t in tensors)
    for place, tensor in enumerate(tensors):
        rows, cols = tensor.shape[0], prod(tensor.shape[1:])
        whole = Block(WHOLE, 0, rows, cols, hidden_size, cols, rows, place, script, steps=steps)
        yield replace(
            tensor,
            blocks=(whole,),
            scratch_bytes=scratch,
            multiply_adds=effort.multiply_adds(whole, tensor.kind),
        )


_known_tensors = lru_cache(256)(_tensors)
