"""Draws tensors: whole ones, or any part of one, in the dtype they are stored in.

Blocks whose elements are independent are drawn in pieces, in place, by all workers; a block that
needs all of its elements at once is drawn whole.  How the work is dealt out never changes a bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from stepzero_rnn.dtypes import DType
from stepzero_rnn.engine.elements.distributions import ElementLaw, WideLaw
from stepzero_rnn.engine.laws.scripts import Replay
from stepzero_rnn.engine.patches import Source, apply_patches
from stepzero_rnn.engine.schemes import law_of
from stepzero_rnn.engine.schemes.record import WholeLaw
from stepzero_rnn.engine.thread_pool import Stop, ThreadPool
from stepzero_rnn.engine.words.philox import Key, key
from stepzero_rnn.engine.words.rounding import store
from stepzero_rnn.plan import Block, TensorPlan
from stepzero_rnn.thresholds import (
    MAX_CHUNK_BYTES,
    MAX_TASK_ELEMENTS,
    MIN_TASK_ELEMENTS,
    SINGLE_THREAD_ELEMENTS,
    TILE_ELEMENTS,
)

Stored = NDArray[Any]
ChunkBytes = Callable[[], int]  # asked before each chunk how large it should be
Law = ElementLaw | WholeLaw
NOTHING: Stored = np.empty(0, np.uint8)  # a chunk before a block that has to be drawn whole


def largest_chunk() -> int:
    """Return the size of a chunk that nobody wants smaller."""
    return MAX_CHUNK_BYTES


def pieces(
    first: int, last: int, item_bytes: int, chunk_bytes: ChunkBytes
) -> Iterator[tuple[int, int]]:
    """Cut elements first … last into chunks."""
    while first < last:
        end = min(first + chunk_bytes() // item_bytes, last)
        yield first, end
        first = end


class DrawBackend(Protocol):
    """What draws elementwise laws on a device."""

    @property
    def device(self) -> str:
        """Its name, as the answer gives it."""

    def fill(self, law: ElementLaw, out: Stored, first: int, key: Key, dtype: DType) -> None:
        """Write elements first, first + 1, … into host memory, rounded to a dtype."""


class ChunkedBackend(NamedTuple):
    """A backend whose `draw` makes numbers from a multiple of 4, float32 or a wide law's float64:
    in place where it can be, else `elements` at a time.
    """

    device: str
    draw: Callable[[ElementLaw, Stored, int, Key], None]
    elements: int

    def fill(self, law: ElementLaw, out: Stored, first: int, key: Key, dtype: DType) -> None:
        """Write elements first, first + 1, … into host memory, rounded to a dtype."""
        made = "float64" if isinstance(law, WideLaw) else "float32"
        if dtype.name == made and first % 4 == 0:
            self.draw(law, out, first, key)
            return
        for at in range(0, len(out), self.elements):
            part = out[at : at + self.elements]
            skip = (first + at) % 4  # laws draw whole groups of four
            values = np.empty(skip + len(part), made)
            self.draw(law, values, first + at - skip, key)
            store(values[skip:], part, dtype)


def _draw_here(law: ElementLaw, out: Stored, first: int, key: Key) -> None:
    law.fill(out, first, key)


CPU = ChunkedBackend("cpu", _draw_here, TILE_ELEMENTS)


@dataclass(frozen=True, slots=True)
class Sampler:
    """Draws the tensors of one recipe; `stop` ends the work between tasks.

    `given` is where a recipe's uploaded arrays are read.
    """

    seed: int
    workers: ThreadPool
    stop: Stop = field(default_factory=Stop)
    backend: DrawBackend = CPU
    given: Source | None = None

    def tensor(self, tensor: TensorPlan, out: Stored | None = None) -> Stored:
        """Draw a whole tensor, flat; into `out` where that is given and has its size."""
        if out is None or len(out) != tensor.elements:
            out = np.empty(tensor.elements, tensor.dtype.numpy)
        for block, law in self._laws(tensor):
            part = out[block.start : block.start + block.elements]
            if isinstance(law, WholeLaw) and block.is_drawn:
                self._fill_matrix(tensor, block, law, part)
            else:
                self._fill(tensor, block, law, part)
        return out

    def chunks(
        self, tensor: TensorPlan, first: int, last: int, chunk_bytes: ChunkBytes = largest_chunk
    ) -> Iterator[Stored]:
        """Draw elements first … last of a tensor in chunks, as arrays that are not written again.

        An empty array announces that the next is expensive to draw.
        """
        item_bytes = tensor.dtype.item_bytes
        for block, law in self._laws(tensor):
            begin = max(first - block.start, 0)
            end = min(last - block.start, block.elements)
            if begin >= end:
                continue
            if isinstance(law, WholeLaw) and block.is_drawn:
                yield NOTHING
                whole = np.empty(block.elements, tensor.dtype.numpy)
                self._fill_matrix(tensor, block, law, whole)
                yield from (whole[at:to] for at, to in pieces(begin, end, item_bytes, chunk_bytes))
                continue
            for at, to in pieces(begin, end, item_bytes, chunk_bytes):
                out = np.empty(to - at, tensor.dtype.numpy)
                self._fill(tensor, block, law, out, at)
                yield out

    def _fill(
        self, tensor: TensorPlan, block: Block, law: Law, out: Stored, first: int = 0
    ) -> None:
        """Fill `out` with elements first, first + 1, … of a block that is elementwise, or given."""
        if len(out) < SINGLE_THREAD_ELEMENTS:
            self.stop.check()
            self._fill_part(tensor, block, law, out, first)
            return
        each = min(
            max(len(out) // self.workers.threads // 4 * 4, MIN_TASK_ELEMENTS), MAX_TASK_ELEMENTS
        )
        tasks = (
            partial(self._fill_part, tensor, block, law, out[at : at + each], first + at)
            for at in range(0, len(out), each)
        )
        self.workers.run(tasks, self.stop)

    def _fill_part(
        self, tensor: TensorPlan, block: Block, law: Law, out: Stored, first: int
    ) -> None:
        """Draw a piece, and lay over it what is given."""
        if block.is_drawn and not isinstance(law, WholeLaw):
            self.backend.fill(law, out, first, key(self.seed, block.stream), tensor.dtype)
        if block.patches:
            apply_patches(block, self._source, out, first, tensor.dtype)

    @property
    def _source(self) -> Source:
        if self.given is None:
            raise LookupError("the recipe names arrays, but nobody said where they are")
        return self.given

    def _laws(self, tensor: TensorPlan) -> Iterator[tuple[Block, Law]]:
        for block in tensor.blocks:
            yield block, law_of(tensor, block)

    def _fill_matrix(self, tensor: TensorPlan, block: Block, law: WholeLaw, out: Stored) -> None:
        # A script's step is one call that nothing can end: it keeps no thread that draws for
        # others.
        is_script = isinstance(law, Replay)
        run = partial(self.workers.run, stop=self.stop, small=is_script)
        shaped = out.reshape(block.rows, block.cols)
        law.fill(shaped, tensor.dtype, key(self.seed, block.stream), run)
        if block.patches:  # over what was drawn, which stays as it is elsewhere
            self._fill(tensor, block, law, out)
