"""The CRC of a concatenation is that of zlib over all of it."""

from __future__ import annotations

import zlib

from hypothesis import given
from hypothesis import strategies as st

from stepzero_rnn.formats.crc import crc32_combine


@given(first=st.binary(), second=st.binary())
def test_the_crc_of_two_pieces_is_zlibs_of_both(first: bytes, second: bytes) -> None:
    combined = crc32_combine(zlib.crc32(first), zlib.crc32(second), len(second))

    assert combined == zlib.crc32(first + second)


def test_a_long_second_piece_is_combined_exactly() -> None:
    second = bytes(range(256)) * (1 << 16)

    combined = crc32_combine(zlib.crc32(b"first"), zlib.crc32(second), len(second))

    assert combined == zlib.crc32(b"first" + second)


def test_a_piece_beyond_32_bits_of_length_combines_as_its_parts_do() -> None:
    part = 3 << 30
    first, second, third = 0x12345678, 0x9ABCDEF0, 0x0FEDCBA9

    left = crc32_combine(crc32_combine(first, second, part), third, part)
    right = crc32_combine(first, crc32_combine(second, third, part), 2 * part)

    assert left == right


def test_pieces_without_bytes_change_nothing() -> None:
    crc = zlib.crc32(b"something")

    assert crc32_combine(crc, 0, 0) == crc
    assert crc32_combine(0, crc, 9) == crc
