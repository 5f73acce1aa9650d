"""Draws tensors: whole ones, or any part of one, in the dtype they are stored in.

Blocks whose elements are independent are drawn in pieces, in place, by all workers; a block that
needs all of its elements at once is drawn whole.  How the work is dealt out never changes a bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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
from stepzero_rnn.engine.statistics import Counter, Tally
from stepzero_rnn.engine.thread_pool import Stop, ThreadPool
from stepzero_rnn.engine.words.philox import Key, key
from stepzero_rnn.engine.words.rounding import load, store
from stepzero_rnn.plan import Block, TensorPlan
from stepzero_rnn.thresholds import (
    MAX_CHUNK_BYTES,
    MAX_TASK_ELEMENTS,
    MIN_TASK_ELEMENTS,
    SINGLE_THREAD_ELEMENTS,
    TILE_ELEMENTS,
)

Stored = NDArray[Any]
Law = ElementLaw | WholeLaw
NOTHING: Stored = np.empty(0, np.uint8)  # a chunk before a block that has to be drawn whole


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

    `chunk_bytes` says, before each chunk, how large it shall be; `kept` are whole tensors, by name,
    that were drawn before: their chunks are views of them.  `given` is where a recipe's uploaded
    arrays are read.
    """

    seed: int
    workers: ThreadPool
    stop: Stop = field(default_factory=Stop)
    backend: DrawBackend = CPU
    kept: Mapping[str, Stored] = field(default_factory=dict)
    given: Source | None = None
    chunk_bytes: Callable[[], int] = lambda: MAX_CHUNK_BYTES

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

    def tallied(self, tensor: TensorPlan) -> tuple[Stored, list[Tally]]:
        """Draw a whole tensor, flat, and tally each of its gates."""
        stored = self.tensor(tensor)
        small = tensor.elements < SINGLE_THREAD_ELEMENTS
        return stored, list(
            self.workers.map(self.tally_tasks(tensor, stored), self.stop, small=small)
        )

    def tally_tasks(self, tensor: TensorPlan, stored: Stored) -> Iterator[Callable[[], Tally]]:
        """Return the tasks that tally one gate of a drawn tensor each."""
        step = tensor.gate_elements
        for at in range(0, tensor.elements, step):
            yield partial(self._tally, stored[at : at + step], tensor.dtype)

    def chunks(self, tensor: TensorPlan, first: int, last: int) -> Iterator[Stored]:
        """Draw elements first … last of a tensor, as arrays that nobody writes again, each as large
        as is wanted by then.

        An empty one announces that the next is dear to draw.
        """
        kept = self.kept.get(tensor.name)
        if kept is not None:
            yield from (kept[at:end] for at, end in self._pieces(first, last, tensor.dtype))
            return
        for block, law in self._laws(tensor):
            begin = max(first - block.start, 0)
            end = min(last - block.start, block.elements)
            if begin >= end:
                continue
            if isinstance(law, WholeLaw) and block.is_drawn:
                yield NOTHING
                whole = np.empty(block.elements, tensor.dtype.numpy)
                self._fill_matrix(tensor, block, law, whole)
                yield from (whole[at:to] for at, to in self._pieces(begin, end, tensor.dtype))
                continue
            for at, to in self._pieces(begin, end, tensor.dtype):
                out = np.empty(to - at, tensor.dtype.numpy)
                self._fill(tensor, block, law, out, at)
                yield out

    def _pieces(self, first: int, last: int, dtype: DType) -> Iterator[tuple[int, int]]:
        """Cut a run of elements into what is wanted at a time."""
        while first < last:
            end = min(first + self.chunk_bytes() // dtype.item_bytes, last)
            yield first, end
            first = end

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

    def _tally(self, values: Stored, dtype: DType) -> Tally:
        counter = Counter(len(values))
        for at in range(0, len(values), TILE_ELEMENTS):
            self.stop.check()
            counter.add(load(values[at : at + TILE_ELEMENTS], dtype))
        return counter.tally()

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
