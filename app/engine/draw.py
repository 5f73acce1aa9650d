"""Draws tensors: whole ones, or any part of one, in the dtype they are stored in.

Blocks whose elements are independent are drawn in pieces, in place, by all workers; a block that needs all of its
elements at once is drawn whole.  How the work is dealt out never changes a bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.engine.distributions import ElementLaw, Float32s
from app.engine.matrices import MatrixLaw
from app.engine.philox import Key, key
from app.engine.rounding import load, store
from app.engine.schemes import law_of
from app.engine.statistics import Counter, Tally
from app.engine.workers import Stop, Workers
from app.plan import Block, TensorPlan

Stored = NDArray[Any]
TILE = (
    1 << 16
)  # elements drawn, rounded and tallied while they are in cache; the unit of exact sums
PIECE = 1 << 19  # elements per task: much work beside the cost of a task
SMALL = 1 << 16  # elements that one thread draws sooner than it hands them over
CHUNK_BYTES = 4 << 20


class Brush(NamedTuple):
    """What draws elementwise laws, on any device, into host memory: `elements` at a time."""

    fill: Callable[[ElementLaw, Float32s, int, Key], None]
    elements: int


def _fill_here(law: ElementLaw, out: Float32s, first: int, key: Key) -> None:
    law.fill(out, first, key)


HERE = Brush(_fill_here, TILE)


class Piece(NamedTuple):
    """Elements first … last of a tensor: inside one block and one gate, work for one task."""

    block: Block
    law: ElementLaw | MatrixLaw
    gate: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Artist:
    """Draws the tensors of one recipe; `stop` ends the work between tasks."""

    seed: int
    workers: Workers
    stop: Stop = field(default_factory=Stop)
    brush: Brush = HERE

    def tensor(self, tensor: TensorPlan) -> Stored:
        """Draw a whole tensor, flat."""
        out = np.empty(tensor.elements, tensor.dtype.numpy)
        self._draw(tensor, out, tally=False)
        return out

    def tallied(self, tensor: TensorPlan) -> tuple[Stored, list[Tally]]:
        """Draw a whole tensor, flat, and tally each of its gates while the values are in cache."""
        out = np.empty(tensor.elements, tensor.dtype.numpy)
        return out, self._draw(tensor, out, tally=True)

    def chunks(self, tensor: TensorPlan, first: int, last: int) -> Iterator[Stored]:
        """Draw elements first … last of a tensor, as new arrays of at most CHUNK_BYTES."""
        step = CHUNK_BYTES // tensor.dtype.item_bytes
        for block, law in self._laws(tensor):
            begin, end = max(first, block.start), min(last, block.start + block.elements)
            whole = None
            if begin < end and isinstance(law, MatrixLaw):
                whole = np.empty(block.elements, tensor.dtype.numpy)
                self._fill_matrix(tensor, block, law, whole)
            for at in range(begin, end, step):
                until = min(at + step, end)
                if whole is not None:
                    yield whole[at - block.start : until - block.start]
                    continue
                out = np.empty(until - at, tensor.dtype.numpy)
                self._fill(tensor, out, at)
                yield out

    def _fill(self, tensor: TensorPlan, out: Stored, first: int) -> None:
        """Fill `out` with elements first, first + 1, … of elementwise blocks."""
        pieces = self._pieces(tensor, first, first + len(out))
        self.workers.run(
            (
                partial(self._work, tensor, p, out[p.first - first : p.last - first], tally=False)
                for p in pieces
            ),
            self.stop,
            small=len(out) < SMALL,
        )

    def _draw(self, tensor: TensorPlan, out: Stored, *, tally: bool) -> list[Tally]:
        for block, law in self._laws(tensor):
            if isinstance(law, MatrixLaw):
                self._fill_matrix(
                    tensor, block, law, out[block.start : block.start + block.elements]
                )
        gates = [Counter(tensor.gate_elements) for _ in tensor.gates] if tally else []
        pieces = list(self._pieces(tensor, 0, tensor.elements))
        tasks = (partial(self._work, tensor, p, out[p.first : p.last], tally=tally) for p in pieces)
        done = self.workers.map(tasks, self.stop, small=tensor.elements < SMALL)
        for piece, counter in zip(pieces, done, strict=True):
            if counter is not None:
                gates[piece.gate].absorb(counter)
        return [gate.tally() for gate in gates]

    def _laws(self, tensor: TensorPlan) -> Iterator[tuple[Block, ElementLaw | MatrixLaw]]:
        for block in tensor.blocks:
            yield block, law_of(tensor, block)

    def _pieces(self, tensor: TensorPlan, first: int, last: int) -> Iterator[Piece]:
        """Cut elements first … last at the ends of blocks and gates, and at every PIECE."""
        for block, law in self._laws(tensor):
            at, end = max(first, block.start), min(last, block.start + block.elements)
            while at < end:
                gate = at // tensor.gate_elements
                until = min(end, (gate + 1) * tensor.gate_elements, at + PIECE)
                yield Piece(block, law, gate, at, until)
                at = until

    def _fill_matrix(self, tensor: TensorPlan, block: Block, law: MatrixLaw, out: Stored) -> None:
        run = partial(self.workers.run, stop=self.stop)
        shaped = out.reshape(block.rows, block.cols)
        law.fill(shaped, tensor.dtype, key(self.seed, block.stream), run)

    def _work(
        self, tensor: TensorPlan, piece: Piece, out: Stored, *, tally: bool
    ) -> Counter | None:
        """Fill `out` with a piece, tile by tile, and tally it; a matrix is there already."""
        counter = Counter(tensor.gate_elements) if tally else None
        words = key(self.seed, piece.block.stream)
        first = piece.first - piece.block.start
        for at in range(0, len(out), self.brush.elements):
            stroke = out[at : at + self.brush.elements]
            if not isinstance(piece.law, MatrixLaw):
                self._fill_stroke(tensor, piece.law, stroke, first + at, words)
            if counter is not None:
                for tile in range(0, len(stroke), TILE):
                    counter.add(load(stroke[tile : tile + TILE], tensor.dtype))
        return counter

    def _fill_stroke(
        self, tensor: TensorPlan, law: ElementLaw, stroke: Stored, first: int, words: Key
    ) -> None:
        skip = first % 4  # laws draw whole groups of four
        if skip == 0 and tensor.dtype.name == "float32":
            self.brush.fill(law, stroke, first, words)
            return
        values = np.empty(skip + len(stroke), np.float32)
        self.brush.fill(law, values, first - skip, words)
        store(values[skip:], stroke, tensor.dtype)
