"""Which part of a tensor's blocks uploaded arrays give: integers only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stepzero_rnn.spec.arrays import Arrays
from stepzero_rnn.spec.networks import Cell, Network


@dataclass(frozen=True, slots=True)
class Patch:
    """A rectangle of a block that is given: where it lies there, and where in which array.

    `start` is the element of the array that is the rectangle's first, `stride` the columns of the
    array.
    """

    array: str
    start: int
    stride: int
    row: int
    rows: int
    col: int
    cols: int

    @property
    def elements(self) -> int:
        """How many elements it has."""
        return self.rows * self.cols


@dataclass(frozen=True, slots=True)
class Strip:
    """Columns that stay side by side when a network grows: where they were, where they are, how
    many.
    """

    before: int
    now: int
    cols: int


@dataclass(frozen=True, slots=True)
class Given:
    """The arrays of a network, as the tensors of one cell see them."""

    arrays: Arrays
    network: Network
    redrawn: frozenset[tuple[str, tuple[int, bool, str]]]
    cell: Cell

    def patches(self, kind: str, tensor: str, gates: Sequence[str]) -> list[tuple[Patch, ...]]:
        """Return what is given of every gate of a tensor, its rows counted from the gate's
        first.
        """
        if self.cell.layer >= self.arrays.layers(self.network):
            return [() for _ in gates]
        return [(*self._of_gate(kind, tensor, place, gate),) for place, gate in enumerate(gates)]

    def _of_gate(self, kind: str, tensor: str, place: int, gate: str) -> Iterator[Patch]:
        parameter = "bias" if kind.startswith("bias") else kind
        if (parameter, (self.cell.layer, self.cell.reverse, gate)) in self.redrawn:
            return
        source = self.arrays.source(self.network)
        rows = source.proj_size if kind == "weight_hr" else source.hidden_size
        strips = self._strips(kind, source)
        stride = sum(strip.cols for strip in strips)
        found = self._array(tensor, gate, place * rows * stride)
        if found is None:
            return
        array, start = found
        for strip in _joined(strips):
            yield Patch(array, start + strip.before, stride, 0, rows, strip.now, strip.cols)

    def _array(self, tensor: str, gate: str, start: int) -> tuple[str, int] | None:
        """Return the array that holds a gate, and its first element there."""
        names = self.arrays.names
        if names is None or tensor in names:
            return tensor, start
        named = self.network.rnn.by_letter.get(gate)
        single = f"{tensor}.{named.name}" if named else tensor
        return (single, 0) if single in names else None

    def _strips(self, kind: str, source: Network) -> list[Strip]:
        if kind.startswith("bias"):
            return [Strip(0, 0, 1)]
        if kind == "weight_hr":
            return [Strip(0, 0, source.hidden_size)]
        before, now = source.state_size, self.network.state_size
        if kind == "weight_hh":
            return [Strip(0, 0, before)]
        if self.cell.layer == 0:
            return [Strip(0, 0, source.input_size)]
        # A deeper layer reads [forward | backward]: in a grown network the backward half moves.
        return [Strip(d * before, d * now, before) for d in range(self.network.directions)]


def stacked(patches: Sequence[Sequence[Patch]], rows: int) -> tuple[Patch, ...]:
    """Return the patches of gates of `rows` rows as those of the whole tensor."""
    return tuple(
        Patch(p.array, p.start, p.stride, place * rows + p.row, p.rows, p.col, p.cols)
        for place, own in enumerate(patches)
        for p in own
    )


def _joined(strips: Sequence[Strip]) -> Sequence[Strip]:
    """Return strips as one where nothing is between them."""
    if any(strip.before != strip.now for strip in strips):
        return strips
    return [Strip(0, 0, sum(strip.cols for strip in strips))]
