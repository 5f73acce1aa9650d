"""From segments to bytes: any range is that part of the whole, in chunks worth sending."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepzero_rnn.engine.draw import Sampler
from stepzero_rnn.engine.thread_pool import Stop, ThreadPool
from stepzero_rnn.errors import TooLarge, UnknownFormat
from stepzero_rnn.formats import FORMATS
from stepzero_rnn.formats.naming import split_file_name
from stepzero_rnn.formats.segments import Deferred
from stepzero_rnn.pipeline.assemble import Buffer, assemble
from stepzero_rnn.pipeline.elements import ChunkSource
from stepzero_rnn.pipeline.factory import Factory
from stepzero_rnn.pipeline.job import Job, plan_job
from stepzero_rnn.pipeline.limits import Limits
from stepzero_rnn.pipeline.result_cache import PART, RESULT_BYTES, ResultCache
from stepzero_rnn.spec.checkpoint import FormatName, Serving, Spec
from stepzero_rnn.spec.parse import parse
from tests.formats.laying import HOLD_SMALL, NoFacts, can_hold

MIB = 1 << 20
SMALL = {
    "rnn_type": "lstm",
    "input_size": 5,
    "hidden_size": 7,
    "proj_size": 3,
    "bidirectional": True,
    "init": {"weight_ih": "orthogonal", "weight_hh": {"scheme": "sparse", "sparsity": 0.5}},
}
LARGE = {"rnn_type": "lstm", "input_size": 700, "hidden_size": 800, "num_layers": 2}  # 40 MB
every_format = pytest.mark.parametrize("name", HOLD_SMALL)


def job(spec: dict[str, Any], name: FormatName) -> Job:
    """Order a checkpoint from this processor."""
    return plan_job(parse(Spec, spec), name, Serving(device="cpu"), Limits.none())


def stream(
    spec: dict[str, Any], name: FormatName, *, first: int = 0, last: int | None = None
) -> Iterator[Buffer]:
    """Return bytes first … last of a checkpoint, by a factory that knows nothing yet; without what
    announces dear chunks.
    """
    with ThreadPool(2) as workers:
        chunks = Factory(workers).stream(job(spec, name), Stop(), first=first, last=last)
        yield from filter(len, chunks)


def small(name: FormatName) -> dict[str, Any]:
    """Return the small network, without what a format cannot express."""
    plain = SMALL | {"proj_size": 0}
    return next(
        spec
        for spec in (SMALL, plain, plain | {"bidirectional": False})
        if can_hold(FORMATS[name], parse(Spec, spec))
    )


@cache
def whole(name: FormatName) -> bytes:
    """Return the whole small file."""
    return b"".join(stream(small(name), name))


class TestRanges:
    @every_format
    @given(data=st.data())
    @settings(max_examples=40, deadline=None)
    def test_of_any_format_are_that_part_of_the_whole(
        self, name: FormatName, data: st.DataObject
    ) -> None:
        file = whole(name)
        first = data.draw(st.integers(0, len(file)))
        last = data.draw(st.integers(first, len(file)))

        assert b"".join(stream(small(name), name, first=first, last=last)) == file[first:last]

    @pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
    @pytest.mark.parametrize("first", range(2000, 2009))
    def test_may_begin_inside_an_element(self, dtype: str, first: int) -> None:
        spec = SMALL | {"dtype": dtype}
        file = b"".join(stream(spec, "safetensors"))

        assert (
            b"".join(stream(spec, "safetensors", first=first, last=first + 3)) == file[first:][:3]
        )

    @every_format
    def test_joined_make_the_whole(self, name: FormatName) -> None:
        file = whole(name)
        parts = [
            b"".join(stream(small(name), name, first=at, last=min(at + 1009, len(file))))
            for at in range(0, len(file), 1009)
        ]

        assert b"".join(parts) == file

    @every_format
    def test_have_the_length_that_was_stated_ahead(self, name: FormatName) -> None:
        assert len(whole(name)) == job(small(name), name).size_bytes

    @every_format
    def test_of_nothing_are_nothing(self, name: FormatName) -> None:
        assert list(stream(small(name), name, first=100, last=100)) == []


class TestFacts:
    @every_format
    def test_are_not_asked_for_by_a_range_that_needs_none(self, name: FormatName) -> None:
        asked = job(small(name), name)
        start = 0
        with ThreadPool(1) as workers:
            source = ChunkSource(Sampler(asked.spec.seed, workers))
            for segment in asked.segments:
                end = start + segment.size
                if not isinstance(segment, Deferred):
                    parts = assemble(asked.segments, source, NoFacts(), first=start, last=end)

                    assert b"".join(parts) == whole(name)[start:end]
                start = end

    def test_are_asked_for_by_a_range_that_touches_a_zips_tail(self) -> None:
        asked = job(SMALL, "pt")
        with ThreadPool(1) as workers:
            source = ChunkSource(Sampler(asked.spec.seed, workers))
            parts = assemble(asked.segments, source, NoFacts(), first=0, last=asked.size_bytes)

            with pytest.raises(AssertionError, match="the CRC of weight_ih_l0 was asked for"):
                list(parts)

    def test_found_by_the_check_are_those_found_by_drawing(self) -> None:
        asked = job(SMALL, "pt")
        with ThreadPool(2) as workers:
            found = Factory(workers).check(asked, Stop()).crc32
            sampler = Sampler(asked.spec.seed, workers)

            assert {
                tensor.name: zlib.crc32(sampler.tensor(tensor).data)
                for tensor in asked.plan.tensors
            } == found


class TestChunks:
    @every_format
    def test_are_4_mib_at_most(self, name: FormatName) -> None:
        assert max(len(chunk) for chunk in stream(LARGE, name)) <= 4 * MIB

    @every_format
    def test_are_1_mib_at_least_but_for_the_last(self, name: FormatName) -> None:
        sizes = [len(chunk) for chunk in stream(LARGE, name)]

        assert min(sizes[:-1]) >= MIB

    @pytest.mark.parametrize(
        ("init", "name", "announced"),
        [
            ("orthogonal", "safetensors", 6),  # the gates of two matrices
            ("xavier_uniform", "safetensors", 0),
            ("xavier_uniform", "pt", 5),  # the checksums of four tensors, and all of them again
            ("xavier_uniform", "bundle", 4),  # three checksums, and a summary
        ],
    )
    def test_that_are_dear_are_announced_by_empty_ones(
        self, init: str, name: FormatName, announced: int
    ) -> None:
        spec = {"rnn_type": "gru", "input_size": 5, "hidden_size": 7, "init": init}
        with ThreadPool(1) as workers:
            chunks = list(Factory(workers).stream(job(spec, name), Stop()))

        assert sum(not chunk for chunk in chunks) == announced

    def test_that_are_known_to_the_last_checksum_are_not_announced(self) -> None:
        asked = job({"rnn_type": "gru", "input_size": 5, "hidden_size": 7}, "pt")
        with ThreadPool(1) as workers:
            factory = Factory(workers)
            factory.check(asked, Stop())

            assert all(factory.stream(asked, Stop()))

    def test_of_a_deep_network_have_a_summary_below_100_kb(self) -> None:
        spec = {"rnn_type": "lstm", "input_size": 1, "hidden_size": 1, "num_layers": 100}
        late = [part for part in job(spec, "bundle").segments if isinstance(part, Deferred)]

        assert max(segment.size for segment in late) < 100_000

    @every_format
    def test_are_few_for_a_small_file(self, name: FormatName) -> None:
        assert len(list(stream(small(name), name))) == 1

    def test_are_read_only(self) -> None:
        for chunk in stream(LARGE, "safetensors"):
            assert memoryview(chunk).readonly

    def test_are_never_written_again(self) -> None:
        given_as = [
            (chunk, hashlib.sha256(chunk).digest()) for chunk in stream(LARGE, "safetensors")
        ]

        assert all(hashlib.sha256(chunk).digest() == digest for chunk, digest in given_as)


ROOM_BYTES = PART * RESULT_BYTES  # for eight small results


class TestFactStore:
    def test_finds_a_fact_out_once(self) -> None:
        store, searches = ResultCache(ROOM_BYTES), iter([1, 2, 3])
        facts = [store.get_or_compute("a", int, lambda: next(searches), Stop()) for _ in range(3)]

        assert facts == [1, 1, 1]

    def test_forgets_the_least_recently_used_first(self) -> None:
        store = ResultCache(ROOM_BYTES)
        for name in "abcdefgh" + "a" + "i":
            store.get_or_compute(name, str, name.upper, Stop())

        assert [store.get(name, str) for name in ("a", "b", "i")] == ["A", None, "I"]

    def test_holds_no_more_than_it_may(self) -> None:
        store = ResultCache(ROOM_BYTES)
        for number in range(1000):
            store.get_or_compute(number, int, number.__index__, Stop())
            assert store.held_bytes <= ROOM_BYTES

        assert sum(store.get(number, int) is not None for number in range(1000)) == 8

    def test_does_not_keep_what_would_put_out_much_else(self) -> None:
        store = ResultCache(ROOM_BYTES)
        store.get_or_compute("a", int, lambda: 1, Stop())
        hashes = {"weight_ih_l0": ("0" * 64, ["1" * 64] * 4)}
        found = store.get_or_compute("large", dict, lambda: hashes, Stop())

        assert found is hashes
        assert (store.get("large", dict), store.get("a", int)) == (None, 1)

    def test_keeps_nothing_of_a_search_that_failed(self) -> None:
        store = ResultCache(ROOM_BYTES)
        with pytest.raises(ZeroDivisionError):
            store.get_or_compute("a", float, lambda: 1 / 0, Stop())

        assert store.get_or_compute("a", float, lambda: 2.0, Stop()) == 2.0


class TestOrder:
    def test_refuses_what_exceeds_a_limit_with_both_numbers(self) -> None:
        limits = Limits(checkpoint_bytes=1000)
        with pytest.raises(TooLarge) as refused:
            plan_job(parse(Spec, SMALL), "pt", Serving(), limits)

        # Per direction: (4·7)·(5 + 3) weights, 2·(4·7) biases, 3·7 of the projection; 4 bytes each.
        assert refused.value.facts["planned_bytes"] == 2 * (28 * 8 + 56 + 21) * 4
        assert refused.value.facts["limit_bytes"] == 1000

    def test_admits_what_is_exactly_at_the_limit(self) -> None:
        limits = Limits(checkpoint_bytes=2 * (28 * 8 + 56 + 21) * 4)

        assert plan_job(parse(Spec, SMALL), "pt", Serving(), limits).size_bytes > 0

    @every_format
    def test_knows_a_format_by_its_suffix(self, name: FormatName) -> None:
        assert split_file_name(f"net.pt.{FORMATS[name].suffix}") == ("net.pt", name)

    def test_refuses_an_unknown_suffix_and_lists_the_known(self) -> None:
        with pytest.raises(UnknownFormat) as refused:
            split_file_name("net.pt.h5")

        assert refused.value.facts == {
            "given": "h5",
            "allowed": [record.suffix for record in FORMATS.values()],
        }

    def test_tags_differ_by_recipe_and_format_and_by_nothing_else(self) -> None:
        tags = [
            job(small(name) | {"seed": seed}, name).etag for seed in (0, 1) for name in HOLD_SMALL
        ]
        served = plan_job(parse(Spec, SMALL), "pt", Serving(device="auto"), Limits())

        assert len(set(tags)) == len(tags)
        assert served.etag == job(SMALL, "pt").etag
