"""Arrays in other libraries' layouts, from the tables that uploads are read by.

A table says which parameters an array holds, their gates in order, and how they lie in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from stepzero_rnn.formats.segments import Data, Sum, TensorData, Transposed, Zeros
from stepzero_rnn.plan import Plan, TensorPlan
from stepzero_rnn.spec.arrays import LayoutName
from stepzero_rnn.spec.networks import ArrayRule, Kind

Cell = Mapping[Kind, TensorPlan]  # the parameters of one direction of a layer


class ForeignArray(NamedTuple):
    """An array of another library: its shape, and its elements in order."""

    shape: tuple[int, ...]
    data: tuple[Data | Zeros, ...]


def cells_of(plan: Plan) -> Iterator[tuple[Cell, ...]]:
    """Yield the directions of each layer."""
    for layer in plan.layers():
        directions = plan.spec.directions
        per_direction = len(layer) // directions
        yield tuple(
            {tensor.kind: tensor for tensor in layer[at : at + per_direction]}
            for at in range(0, len(layer), per_direction)
        )


def arrays_of(
    plan: Plan, layout: LayoutName, cells: Sequence[Cell], names: Sequence[str] | None = None
) -> dict[str, ForeignArray]:
    """Return the arrays of a layout by name: one direction's, or both directions' stacked.

    Args:
        names: which arrays of the layout; by default all whose parameters exist.
    """
    rnn = plan.spec.network.rnn
    rules = rnn.layouts[layout]
    wanted = rules if names is None else names
    return {
        name: _array(rules[name], cells, tuple(map(rnn.letters.index, rules[name].gates)))
        for name in wanted
        if all(kind in cells[0] for kind in rules[name].kinds)
    }


def parts_of(data: Iterable[Data], first: int, last: int) -> Iterator[Data]:
    """Yield elements first … last of an array."""
    for part in data:
        begin, end = max(first, 0), min(last, part.elements)
        if begin < end:
            yield part.part(begin, end)
        first, last = first - part.elements, last - part.elements


def _array(rule: ArrayRule, cells: Sequence[Cell], order: tuple[int, ...]) -> ForeignArray:
    tensor = cells[0][rule.kinds[0]]
    rows = tensor.gate_elements // (tensor.shape[1] if len(tensor.shape) == 2 else 1) * len(order)
    shape = (rows, *tensor.shape[1:])
    data = tuple(part for cell in cells for part in _parts(rule, cell, order))
    match rule.form:
        case "as_it_is":
            return ForeignArray(shape, data)
        case "transposed":
            return ForeignArray(shape[::-1], data)
        case "pair":
            return ForeignArray((2, *shape), data)
        case "stacked":
            return ForeignArray((len(cells), *shape), data)
        case "stacked_pair":
            return ForeignArray((len(cells), 2 * rows), data)
        case _:
            raise NotImplementedError(f"no format has arrays of the form {rule.form!r}")


def _parts(rule: ArrayRule, cell: Cell, order: tuple[int, ...]) -> Iterator[Data]:
    tensor = cell[rule.kinds[0]]
    if rule.form == "transposed":
        yield Transposed(tensor, gates=order)
    elif rule.total:
        for letter, gate in zip(rule.gates, order, strict=True):
            first, last = gate * tensor.gate_elements, (gate + 1) * tensor.gate_elements
            if letter in rule.apart:
                yield TensorData(tensor, first, last)
            else:
                yield Sum(tensor, first, last, other=cell["bias_hh"])
    else:
        for kind in rule.kinds:
            yield from (TensorData(cell[kind], *run) for run in _runs(cell[kind], order))


def _runs(tensor: TensorPlan, order: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and last element of every run of gates that are neighbours in the tensor."""
    size = tensor.gate_elements
    first = order[0]
    for place, gate in enumerate(order):
        if place + 1 == len(order) or order[place + 1] != gate + 1:
            yield first * size, (gate + 1) * size
            first = order[place + 1] if place + 1 < len(order) else 0
