"""What a check leaves for the stream that follows: the bytes are the same, the memory is bounded
and returned.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import numpy as np
import pytest

from stepzero_rnn.engine.thread_pool import Stop, ThreadPool
from stepzero_rnn.errors import NonfiniteOutput
from stepzero_rnn.pipeline.factory import Factory
from stepzero_rnn.pipeline.job import Job, plan_job
from stepzero_rnn.pipeline.limits import Limits
from stepzero_rnn.pipeline.tensor_cache import TensorCache
from stepzero_rnn.spec.checkpoint import FormatName, Serving, Spec
from stepzero_rnn.spec.parse import parse

ONE, TWO = b"one", b"two"
LARGE = {"rnn_type": "lstm", "input_size": 96, "hidden_size": 128, "num_layers": 2}
SMALL: dict[str, Any] = {"input_size": 10, "hidden_size": 20, "num_layers": 1}
MIXED = {"weight_ih": "xavier_uniform", "weight_hh": "orthogonal", "bias": "forget"}


def some(size_bytes: int) -> Any:
    return np.zeros(size_bytes, np.uint8)


def job(init: Any, name: FormatName = "pt", **given: Any) -> Job:
    spec = parse(Spec, LARGE | {"init": init} | given)
    return plan_job(spec, name, Serving(), Limits.none())


class TestAttic:
    def test_gives_what_was_left_to_the_first_who_comes(self) -> None:
        cache = TensorCache(100)
        cache.put(ONE, "a", some(10))

        with cache.checkout(ONE) as first, cache.checkout(ONE) as second:
            assert list(first) == ["a"]
            assert not second

    def test_holds_no_more_than_it_may(self) -> None:
        cache = TensorCache(100)

        assert cache.put(ONE, "a", some(60))
        assert not cache.put(ONE, "b", some(60))
        assert cache.put(ONE, "c", some(40))

    def test_of_no_bytes_keeps_nothing(self) -> None:
        assert not TensorCache(0).put(ONE, "a", some(1))

    def test_has_its_room_back_once_a_stream_has_ended(self) -> None:
        cache = TensorCache(100)
        cache.put(ONE, "a", some(100))

        with cache.checkout(ONE):
            assert not cache.put(TWO, "a", some(100))

        assert cache.put(TWO, "a", some(100))

    def test_has_its_room_back_after_a_stream_that_failed(self) -> None:
        cache = TensorCache(100)
        cache.put(ONE, "a", some(100))

        with pytest.raises(ValueError, match="cut"), cache.checkout(ONE):
            raise ValueError("cut")

        assert cache.put(TWO, "a", some(100))

    def test_drops_what_nobody_came_for_when_others_need_the_room(self) -> None:
        cache = TensorCache(100)
        cache.put(ONE, "a", some(100))

        assert cache.put(TWO, "a", some(50))
        with cache.checkout(ONE) as left:
            assert not left

    def test_keeps_a_tensor_once(self) -> None:
        cache = TensorCache(100)
        cache.put(ONE, "a", some(10))

        assert not cache.put(ONE, "a", some(10))

    def test_forgets_what_is_dropped(self) -> None:
        cache = TensorCache(100)
        cache.put(ONE, "a", some(100))
        cache.discard(ONE)

        assert cache.put(TWO, "a", some(100))


class TestKeeping:
    @pytest.mark.parametrize("name", ["pt", "safetensors", "npz", "bundle"])
    @pytest.mark.parametrize("init", ["orthogonal", "xavier_uniform", MIXED])
    def test_changes_no_byte(self, name: FormatName, init: Any) -> None:
        digests = set()
        for kept_bytes in (0, 300_000, 1 << 30):  # nothing, some of it, all of it
            with ThreadPool(2) as workers:
                factory = Factory(workers, kept_bytes=kept_bytes)
                ask = job(init, name)
                factory.check(ask, Stop())
                digests.add(sha256(b"".join(factory.stream(ask, Stop()))).hexdigest())
        assert len(digests) == 1

    def test_of_one_check_serves_one_stream_and_the_next_draws_again(self) -> None:
        with ThreadPool(2) as workers:
            factory = Factory(workers)
            ask = job("orthogonal")
            factory.check(ask, Stop())
            first, second = (b"".join(factory.stream(ask, Stop())) for _ in range(2))
        assert first == second

    def test_serves_a_range_too(self) -> None:
        with ThreadPool(2) as workers:
            factory = Factory(workers)
            ask = job("orthogonal")
            whole = b"".join(factory.stream(ask, Stop()))
            factory.check(ask, Stop())
            part = b"".join(factory.stream(ask, Stop(), first=1001, last=300_003))
        assert part == whole[1001:300_003]

    def test_leaves_nothing_of_a_network_that_is_refused(self) -> None:
        with ThreadPool(2) as workers:
            factory = Factory(workers, kept_bytes=1 << 30)
            refused = job({"weight_hh": {"scheme": "orthogonal", "gain": 1e6}}, dtype="float16")
            with pytest.raises(NonfiniteOutput):
                factory.check(refused, Stop())
            with factory._tensor_cache.checkout(refused.digest) as left:
                assert not left


class TestAQuickOrder:
    def test_is_summarized_as_one_that_was_never_quick(self) -> None:
        """Its check measures nothing; the summary is found out when it is asked for."""
        with ThreadPool(2) as workers:
            after, alone = Factory(workers), Factory(workers)
            ask = job("orthogonal", **SMALL)
            assert ask.is_quick
            after.check(ask, Stop())

            found, expected = (each.summary(ask, Stop()) for each in (after, alone))
        assert found.weights == expected.weights
        assert found.forward == expected.forward

    @pytest.mark.parametrize(
        "large",
        [
            {"hidden_size": 200},
            {"num_layers": 8},
        ],
    )
    def test_is_a_small_network(self, large: dict[str, Any]) -> None:
        assert not job("orthogonal", **SMALL | large).is_quick

    def test_is_no_bundle_which_holds_statistics(self) -> None:
        assert not job("orthogonal", "bundle", **SMALL).is_quick

    def test_is_refused_for_a_weight_that_overflows(self) -> None:
        ask = job({"weight_ih": {"scheme": "constant", "value": 1e38}}, dtype="float16", **SMALL)
        assert ask.is_quick
        with ThreadPool(2) as workers, pytest.raises(NonfiniteOutput, match="weight_ih_l0"):
            Factory(workers).check(ask, Stop())
