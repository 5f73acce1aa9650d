"""From segments to a stream of bytes: any range of a file, drawn as it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stepzero_rnn.engine.draw import ChunkBytes
from stepzero_rnn.formats.segments import Data, Deferred, DeferredValues, Literal, Segment, Zeros
from stepzero_rnn.pipeline.elements import ChunkSource, chunks_of
from stepzero_rnn.thresholds import JOINED_CHUNK_BYTES, MAX_CHUNK_BYTES

Buffer = bytes | memoryview
EXPENSIVE = b""  # a chunk that announces: the next one is dear to make


def assemble(
    segments: Iterable[Segment],
    source: ChunkSource,
    facts: DeferredValues,
    *,
    first: int,
    last: int,
    values_are_expensive: bool = False,
) -> Iterator[Buffer]:
    """Return bytes first … last of a file, as chunks of 1 to 4 MiB, or as small as the source's
    (the last may be smaller).

    An empty chunk precedes each that is expensive to make: a matrix that is drawn whole, or values
    that take a pass.  A chunk is not written again once it was returned, so whoever sends it need
    not copy it.
    """
    return _gather(
        _parts(segments, source, facts, first, last, values_are_expensive), source.chunk_bytes
    )


def _parts(
    segments: Iterable[Segment],
    source: ChunkSource,
    facts: DeferredValues,
    first: int,
    last: int,
    values_are_expensive: bool,
) -> Iterator[Buffer]:
    """Return the wanted part of every segment that the range touches."""
    start = 0
    for segment in segments:
        begin, end = max(first - start, 0), min(last - start, segment.size)
        start += segment.size
        if begin >= end:
            continue
        match segment:
            case Literal():
                yield segment.data[begin:end]
            case Zeros():
                yield bytes(end - begin)
            case Deferred():
                if values_are_expensive:
                    yield EXPENSIVE
                yield segment.render(facts)[begin:end]
            case _:
                yield from _data_bytes(segment, source, begin, end)


def _data_bytes(segment: Data, source: ChunkSource, begin: int, end: int) -> Iterator[Buffer]:
    """Draw the elements that bytes begin … end touch, and cut what was not asked for."""
    item = segment.tensor.dtype.item_bytes
    at = begin // item * item
    for chunk in chunks_of(segment, source, begin // item, -(-end // item)):
        if not len(chunk):
            yield EXPENSIVE
            continue
        data = chunk.data.cast("B").toreadonly()
        yield data[max(begin - at, 0) : end - at]
        at += len(data)


def _gather(parts: Iterable[Buffer], chunk_bytes: ChunkBytes) -> Iterator[Buffer]:
    """Join and cut parts into chunks worth sending; what is large enough is passed on uncopied."""
    small: list[Buffer] = []
    size = 0
    for part in parts:
        if not part:
            yield EXPENSIVE
            continue
        rest = memoryview(part)
        least = min(JOINED_CHUNK_BYTES, chunk_bytes())
        if size and size + len(rest) >= least:
            needed = max(least - size, 0)
            if len(rest) - needed < least:  # or every chunk from here on would be joined of two
                needed = len(rest)
            yield b"".join([*small, rest[:needed]])
            rest, small, size = rest[needed:], [], 0
        while len(rest) >= least:
            yield rest[:MAX_CHUNK_BYTES]
            rest = rest[MAX_CHUNK_BYTES:]
        if rest:
            small.append(rest)
            size += len(rest)
    if small:
        yield b"".join(small)
