"""Random words: the published generator, and element i a function of i."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stepzero_rnn.engine.words.philox import Key, fill_words, key

# Known answers of Philox4x32-10: Random123 1.14, tests/kat_vectors (Salmon et al., SC 2011).
PUBLISHED = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    (
        (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
        (0xFFFFFFFF, 0xFFFFFFFF),
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]
PI = Key(*(np.uint32(word) for word in (0x13198A2E, 0x03707344, 0xA4093822, 0x299F31D0)))


def words(group: int, count: int, stream: Key = PI) -> NDArray[np.uint32]:
    """Draw `count` words from a group on."""
    out = np.empty(count, np.uint32)
    fill_words(out, group, *stream)
    return out


@pytest.mark.parametrize(("counter", "seed", "answer"), PUBLISHED, ids=["zeros", "ones", "pi"])
def test_words_are_the_published_ones(
    counter: tuple[int, int, int, int], seed: tuple[int, int], answer: tuple[int, ...]
) -> None:
    group = np.uint64(counter[0] | counter[1] << 32).astype(np.int64)
    stream = key(seed[0] | seed[1] << 32, counter[2] | counter[3] << 32)

    assert tuple(words(int(group), 4, stream)) == answer


def test_a_key_is_the_stream_and_the_seed_low_word_first() -> None:
    assert key(0x0001020304050607, 0x08090A0B0C0D0E0F) == Key(
        *(np.uint32(word) for word in (0x0C0D0E0F, 0x08090A0B, 0x04050607, 0x00010203))
    )


@given(group=st.integers(0, 2**60), skip=st.integers(0, 9), count=st.integers(0, 23))
@settings(max_examples=100, deadline=None)
def test_a_word_depends_on_its_place_only(group: int, skip: int, count: int) -> None:
    assert np.array_equal(words(group + skip, count), words(group, 4 * skip + count)[4 * skip :])


@pytest.mark.parametrize("count", range(10))
def test_any_number_of_words_is_the_beginning_of_more(count: int) -> None:
    assert np.array_equal(words(5, count), words(5, 12)[:count])


def test_words_go_on_beyond_2_to_the_32_groups() -> None:
    low, high = words(2**32 - 1, 4), words(2**32, 4)

    assert np.array_equal(words(2**32 - 1, 8), np.concatenate([low, high]))
    assert not np.array_equal(high, words(0, 4))


def test_every_bit_of_seed_and_stream_matters() -> None:
    drawn = {tuple(words(0, 4, key(1 << bit, 0))) for bit in range(53)}
    drawn |= {tuple(words(0, 4, key(0, 1 << bit))) for bit in range(64)}

    assert len(drawn) == 53 + 64
