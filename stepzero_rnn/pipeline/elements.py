"""The elements of a segment in chunks: as they are drawn, added, or transposed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from stepzero_rnn.engine.draw import NOTHING, ChunkBytes, Sampler, Stored, largest_chunk, pieces
from stepzero_rnn.engine.words.rounding import load, store
from stepzero_rnn.formats.segments import Data, Sum, TensorData, Transposed
from stepzero_rnn.plan import TensorPlan


@dataclass(frozen=True, slots=True)
class ChunkSource:
    """The tensors of a file, in chunks: of what was drawn before, or as the sampler draws them.

    Args:
        kept: whole tensors by name; their chunks are views.
    """

    sampler: Sampler
    kept: Mapping[str, Stored] = field(default_factory=dict)
    chunk_bytes: ChunkBytes = largest_chunk

    def chunks(self, tensor: TensorPlan, first: int, last: int) -> Iterator[Stored]:
        """Return elements first … last of a tensor, as `Sampler.chunks` does."""
        kept = self.kept.get(tensor.name)
        if kept is None:
            return self.sampler.chunks(tensor, first, last, self.chunk_bytes)
        item_bytes = tensor.dtype.item_bytes
        return (kept[at:to] for at, to in pieces(first, last, item_bytes, self.chunk_bytes))

    def part(self, tensor: TensorPlan, first: int, last: int) -> Stored:
        """Return elements first … last of a tensor at once."""
        kept = self.kept.get(tensor.name)
        if kept is not None:
            return kept[first:last]
        out, at = np.empty(last - first, tensor.dtype.numpy), 0
        for chunk in self.sampler.chunks(tensor, first, last, self.chunk_bytes):
            out[at : at + len(chunk)] = chunk
            at += len(chunk)
        return out


def chunks_of(data: Data, source: ChunkSource, first: int, last: int) -> Iterator[Stored]:
    """Yield elements first … last of a segment in chunks that are not written again.

    An empty array announces that the next is expensive to make.
    """
    first, last = data.first + first, data.first + last
    match data:
        case TensorData():
            yield from source.chunks(data.tensor, first, last)
        case Sum():
            yield _sum(data, source, first, last)
        case Transposed():
            yield NOTHING
            yield from _transposed(data, source, first, last)


def _sum(data: Sum, source: ChunkSource, first: int, last: int) -> Stored:
    """Add in float32, or in float64 if that is the dtype.

    For 16 bits, rounding the float32 sum gives the correctly rounded sum, as 24 ≥ 2p + 2 for their
    precisions p of 11 and 8.
    """
    dtype = data.tensor.dtype
    one, other = (
        load(source.part(tensor, first, last), dtype) for tensor in (data.tensor, data.other)
    )
    out = np.empty(last - first, dtype.numpy)
    with np.errstate(over="ignore", invalid="ignore"):
        store(one + other, out, dtype)
    return out


def _transposed(data: Transposed, source: ChunkSource, first: int, last: int) -> Iterator[Stored]:
    tensor, size = data.tensor, data.tensor.gate_elements
    gates = [
        source.part(tensor, gate * size, (gate + 1) * size).reshape(-1, tensor.shape[1])
        for gate in data.gates
    ]
    width = len(gates) * len(gates[0])
    at = first
    while at < last:
        row = at // width
        rows = max(source.chunk_bytes() // (width * tensor.dtype.item_bytes), 1)
        part = np.concatenate([gate[:, row : row + rows].T for gate in gates], axis=1)
        chunk = part.reshape(-1)[at - row * width : last - row * width]
        yield chunk
        at += len(chunk)
