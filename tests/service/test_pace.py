"""Chunks grow for a reader that takes them and shrink for one that does not, whose credit runs
out.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.admission.chunk_sizer import DELAY_S, ChunkSizer, TransferCredit
from stepzero_rnn.thresholds import MAX_CHUNK_BYTES, MIN_CHUNK_BYTES

RATE, GRACE_S = 1 << 16, 10.0


def sizer(*, room_bytes: int = MAX_CHUNK_BYTES) -> ChunkSizer:
    """Return the pace of a stream whose chunks may have so many bytes."""
    return ChunkSizer(TransferCredit(RATE, GRACE_S), lambda chunk_bytes: chunk_bytes <= room_bytes)


def read_all(reader: ChunkSizer, total_bytes: int) -> None:
    """Take chunk after chunk without delay."""
    for _ in range(total_bytes // MIN_CHUNK_BYTES):
        reader.took(MIN_CHUNK_BYTES, 0.0)


def test_a_stream_begins_with_the_smallest_chunks():
    assert sizer().chunk_bytes == MIN_CHUNK_BYTES


def test_a_quick_reader_gets_the_largest_chunks():
    reader = sizer()
    read_all(reader, 64 << 20)

    assert reader.chunk_bytes == MAX_CHUNK_BYTES


def test_chunks_grow_only_where_there_is_room_for_them():
    reader = sizer(room_bytes=4 * MIN_CHUNK_BYTES)
    read_all(reader, 64 << 20)

    assert reader.chunk_bytes == 4 * MIN_CHUNK_BYTES


def test_chunks_shrink_while_a_reader_is_waited_for():
    reader = sizer()
    read_all(reader, 64 << 20)
    for _ in range(10):
        reader.took(MIN_CHUNK_BYTES, 2 * DELAY_S)

    assert reader.chunk_bytes == MIN_CHUNK_BYTES


def test_what_the_buffers_on_the_way_take_makes_no_chunk_grow():
    reader = sizer()
    read_all(reader, 7 * MIN_CHUNK_BYTES)
    for _ in range(100):
        reader.took(MIN_CHUNK_BYTES, 2 * DELAY_S)

    assert reader.chunk_bytes == MIN_CHUNK_BYTES


def test_a_reader_that_stalls_has_its_grace_and_no_more():
    reader = sizer()
    reader.took(0, 4.0)

    assert reader.credit.credit_s == pytest.approx(GRACE_S - 4.0)


def test_a_reader_at_the_least_rate_is_never_cut_off():
    reader = sizer()
    for _ in range(1000):
        reader.took(MIN_CHUNK_BYTES, MIN_CHUNK_BYTES / RATE)

    assert reader.credit.credit_s == pytest.approx(GRACE_S)


def test_half_of_the_least_rate_uses_the_credit_up():
    reader = sizer()
    for _ in range(10):
        reader.took(MIN_CHUNK_BYTES, 2 * MIN_CHUNK_BYTES / RATE)

    assert reader.credit.credit_s == pytest.approx(0)


@given(st.lists(st.tuples(st.integers(0, 1 << 30), st.floats(0, 100))))
def test_nobody_saves_up_more_than_the_grace(history: list[tuple[int, float]]) -> None:
    reader = sizer()
    for sent_bytes, waited_s in history:
        reader.took(sent_bytes, waited_s)
        assert reader.credit.credit_s <= GRACE_S
        assert MIN_CHUNK_BYTES <= reader.chunk_bytes <= MAX_CHUNK_BYTES
