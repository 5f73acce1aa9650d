"""The gates of PyTorch's tensors in the order of another library's arrays."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from stepzero_rnn.formats.segments import TensorData
from stepzero_rnn.plan import TensorPlan
from stepzero_rnn.spec.networks import Rnn


def row_order(rnn: Rnn, gates: str) -> tuple[int, ...]:
    """Return the places in PyTorch's tensors of gates that are given by their letters."""
    return tuple(map(rnn.letters.index, gates))


def rows_in_order(tensor: TensorPlan, order: tuple[int, ...]) -> Iterator[TensorData]:
    """Yield the gates of a tensor in another order, and as one those that stay neighbours."""
    each = tensor.gate_elements
    for _, run in groupby(enumerate(order), key=lambda gate: gate[1] - gate[0]):
        places = [place for _, place in run]
        yield TensorData(tensor, places[0] * each, (places[-1] + 1) * each)
