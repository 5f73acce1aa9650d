"""The blocks of a canonical file of arrays, each read when it is tested."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stepzero_rnn.arrays.canonical import Stored
from stepzero_rnn.identification.evidence import TensorFacts, Unit
from stepzero_rnn.identification.facts import Facts
from stepzero_rnn.identification.values import BlockValues
from stepzero_rnn.spec.networks import WHOLE, Cell, Kind, Network


def units_of(stored: Stored, network: Network) -> list[Unit]:
    """Return the parts of the network that the file has, parameter by parameter."""
    by_parameter: dict[str, list[Unit]] = {parameter: [] for parameter in network.parameters}
    for cell in network.cells():
        tensors = [t for kind in network.kinds if (t := _tensor(stored, network, cell, kind))]
        for parameter, units in by_parameter.items():
            filled = tuple(t for t in tensors if t.kind.startswith(parameter))
            if filled:
                units.append(Unit(parameter, cell, filled))
    return [unit for units in by_parameter.values() for unit in units]


def _tensor(stored: Stored, network: Network, cell: Cell, kind: Kind) -> TensorFacts | None:
    name = cell.name(kind)
    rows, *cols = network.block_shape(kind, cell.layer)
    shape = (rows, cols[0] if cols else 1)
    blocks = dict(_blocks(stored, network, name, kind, shape))
    if not blocks:
        return None
    stacked = None
    if name in stored.entries and len(blocks) > 1:
        whole = (rows * len(blocks), shape[1])
        stacked = Facts(_values(stored, name, name, WHOLE, whole))
    return TensorFacts(name, kind, cell, blocks, stacked)


def _blocks(
    stored: Stored, network: Network, name: str, kind: Kind, shape: tuple[int, int]
) -> Iterator[tuple[str, Facts]]:
    """Yield the blocks of a tensor by the letter of their gate."""
    names: Mapping[str, str] = {letter: gate for gate, letter in network.gates(kind).items()}
    for place, letter in enumerate(network.letters(kind)):
        if name in stored.entries:
            start = place * shape[0] * shape[1]
            yield letter, Facts(_values(stored, name, name, letter, shape, start))
        elif (entry := f"{name}.{names.get(letter)}") in stored.entries:
            yield letter, Facts(_values(stored, entry, name, letter, shape))


def _values(
    stored: Stored, entry: str, name: str, letter: str, shape: tuple[int, int], start: int = 0
) -> BlockValues:
    reader = partial(_read, stored, entry, start)
    return BlockValues(name, letter, *shape, stored.entries[entry].dtype, reader)


def _read(stored: Stored, entry: str, start: int, first: int, last: int) -> NDArray[Any]:
    values = stored.read(entry, start + first, start + last)
    return np.asarray(values)
