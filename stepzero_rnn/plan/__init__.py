"""Plans a checkpoint before anything is drawn: its tensors, sizes and costs, all in integers.

A plan lists the tensors in `state_dict` order.  Each is divided into blocks, the units that are
drawn independently: one per gate, or the whole tensor.  No later step infers gates or fans from a
stacked tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from math import prod

from stepzero_rnn.plan import effort
from stepzero_rnn.plan.cells import CellPlanner, stream_of
from stepzero_rnn.plan.forward_size import ForwardSize
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
    "ForwardSize",
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
    """Never cancel: the default `go_on` of a plan."""


def plan(spec: Spec, go_on: GoOn = always) -> Plan:
    """Lay out every tensor of a recipe.

    Args:
        go_on: called before each layer of a deep network; an exception it raises cancels the plan.
    """
    if spec.cells <= PLANNED_AT_ONCE_CELLS:
        return Plan(spec, _cached_tensors(spec.unseeded))
    return Plan(spec, _tensors(spec.unseeded, go_on))


def _tensors(spec: Spec, go_on: GoOn = always) -> tuple[TensorPlan, ...]:
    planned: list[TensorPlan] = []
    for cell in spec.network.cells():
        go_on()
        planned += CellPlanner(spec, cell).tensors()
    tensors = tuple(planned)
    return tensors if spec.script is None else tuple(_scripted(tensors, spec.script))


def _scripted(tensors: tuple[TensorPlan, ...], script: AnyScript) -> Iterator[TensorPlan]:
    """Replace the blocks of every tensor with a single one that the script fills."""
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


_cached_tensors = lru_cache(256)(_tensors)
