"""How the work is dealt out, and on what, never changes a bit."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache, partial
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import stepzero_rnn
from stepzero_rnn.engine.devices.torch_backend import fill_on
from stepzero_rnn.engine.draw import ChunkedBackend, Sampler, Stored
from stepzero_rnn.engine.elements.distributions import ElementLaw
from stepzero_rnn.engine.thread_pool import Stop, ThreadPool
from stepzero_rnn.engine.words.philox import key
from stepzero_rnn.engine.words.rounding import Float32s
from stepzero_rnn.formats import FORMATS
from stepzero_rnn.formats.format import PYTORCH
from stepzero_rnn.pipeline.factory import Factory
from stepzero_rnn.pipeline.job import Job, plan_job
from stepzero_rnn.pipeline.limits import Limits
from stepzero_rnn.plan import Plan, TensorPlan
from stepzero_rnn.spec.checkpoint import FormatName, Serving, Spec
from stepzero_rnn.spec.parse import parse
from stepzero_rnn.spec.schemes.unions import WEIGHT_SCHEMES
from stepzero_rnn.thresholds import MAX_TASK_ELEMENTS
from tests.engine.drawing import planned, stored
from tests.engine.every import DTYPE_NAMES, INITS, asked, every_dtype, every_law, every_scheme
from tests.engine.golden import SPECS, golden

LSTM = {"rnn_type": "lstm", "input_size": 5, "hidden_size": 11, "proj_size": 3, "seed": 9}
LSTM |= {"bidirectional": True, "accept_dead": True, "accept_nonfinite": True}
PLACES = {  # networks, and a tensor of each of several tasks: two pieces of every scheme
    "weight": ({"rnn_type": "rnn", "input_size": 130, "hidden_size": 4100}, "weight_ih_l0"),
    "matrix": ({"rnn_type": "rnn", "input_size": 1, "hidden_size": 740}, "weight_hh_l0"),
    "expensive matrix": ({"rnn_type": "rnn", "input_size": 1, "hidden_size": 300}, "weight_hh_l0"),
    "bias": ({"rnn_type": "lstm", "input_size": 1, "hidden_size": 540_000}, "bias_hh_l0"),
}


def bits(drawn: Stored) -> np.ndarray[Any, np.dtype[np.uint32]]:
    """Return the bits of float32 numbers."""
    return drawn.view(np.uint32)


def alone(given: Mapping[str, Any], name: str, threads: int) -> bytes:
    """Draw one tensor of a network; give its bytes."""
    made = planned(given)
    with ThreadPool(threads) as workers:
        (tensor,) = (tensor for tensor in made.tensors if tensor.name == name)
        return Sampler(made.spec.seed, workers).tensor(tensor).tobytes()


def place_of(init: Mapping[str, Any]) -> str:
    """Say where a scheme is drawn."""
    if "weight_ih" in init or "bias" in init:
        return "bias" if "bias" in init else "weight"
    cost = WEIGHT_SCHEMES[init["weight_hh"]["scheme"]].cost
    return "expensive matrix" if cost else "matrix"


class TestThreads:
    @every_dtype
    @every_scheme
    def test_change_no_bit_of_any_scheme(self, init: Mapping[str, Any], dtype: str) -> None:
        given, name = PLACES[place_of(init)]
        init = {part: scheme for part, scheme in init.items() if part != "weight_hr"}
        request = asked(given, init, dtype=dtype)
        one, two, seven = (alone(request, name, threads) for threads in (1, 2, 7))

        assert one == two
        assert one == seven

    @pytest.mark.parametrize("threads", [2, 7])
    @pytest.mark.parametrize(
        "name", ["many-tasks", "orthogonal-of-many-panels", "deep", "sparse-out"]
    )
    def test_change_no_bit(self, name: str, threads: int) -> None:
        alone, together = (stored(SPECS[name], threads=count) for count in (1, threads))

        assert all(alone[tensor].tobytes() == together[tensor].tobytes() for tensor in alone)


def small(scheme: str, dtype: str) -> Mapping[str, Any]:
    """Ask for a small network with every kind of tensor."""
    return asked(LSTM, INITS[scheme], dtype=dtype)


@cache
def whole(scheme: str, dtype: str) -> tuple[Plan, dict[str, Stored]]:
    """Draw a small network."""
    return planned(small(scheme, dtype)), stored(small(scheme, dtype))


def cut_out(made: Plan, tensor: TensorPlan, first: int, last: int) -> bytes:
    """Draw elements first … last of a tensor; give their bytes."""
    with ThreadPool(1) as workers:
        chunks = Sampler(made.spec.seed, workers).chunks(tensor, first, last)
        return b"".join(chunk.tobytes() for chunk in chunks)


@cache
def large() -> Stored:
    """Draw the large tensor of a golden network."""
    return stored(SPECS["many-tasks"])["weight_hh_l0"]


class TestChunks:
    @pytest.mark.parametrize("scheme", INITS)
    @given(data=st.data(), dtype=st.sampled_from(DTYPE_NAMES))
    @settings(max_examples=15, deadline=None)
    def test_of_any_range_are_that_part_of_the_whole(
        self, scheme: str, data: st.DataObject, dtype: str
    ) -> None:
        made, drawn = whole(scheme, dtype)
        tensor = data.draw(st.sampled_from(made.tensors))
        first = data.draw(st.integers(0, tensor.elements))
        last = data.draw(st.integers(first, tensor.elements))

        assert cut_out(made, tensor, first, last) == drawn[tensor.name][first:last].tobytes()

    @pytest.mark.parametrize("first", [0, 1, 65_535, 524_287, 1_048_575])
    def test_meet_at_the_ends_of_tiles_pieces_and_chunks(self, first: int) -> None:
        made = planned(SPECS["many-tasks"])
        tensor = made.tensors[1]  # 1031 × 1031, more than 4 MiB
        drawn = large()

        assert cut_out(made, tensor, first, first + 5) == drawn[first : first + 5].tobytes()

    def test_hold_at_most_4_mib(self) -> None:
        made = planned(SPECS["many-tasks"])
        with ThreadPool(1) as workers:
            chunks = list(Sampler(made.spec.seed, workers).chunks(made.tensors[1], 3, 1031 * 1031))

        assert [chunk.nbytes for chunk in chunks] == [4 << 20, 4 * (1031 * 1031 - 3) - (4 << 20)]


def job(scheme: str, dtype: str, name: FormatName) -> Job:
    """Order a small network."""
    spec = parse(Spec, small(scheme, dtype))
    return plan_job(spec, name, Serving(device="cpu"), Limits.none())


@lru_cache(maxsize=64)
def file(scheme: str, dtype: str, name: FormatName) -> bytes:
    """Return a small network's file, as the library does."""
    return b"".join(stepzero_rnn.stream(small(scheme, dtype), format=name, device="cpu"))


class TestFiles:
    @pytest.mark.parametrize("scheme", INITS)
    @given(data=st.data())
    @settings(max_examples=8, deadline=None)
    def test_are_the_same_in_any_range_from_a_server_that_knows_nothing(
        self, scheme: str, data: st.DataObject
    ) -> None:
        name = data.draw(st.sampled_from(PYTORCH))
        able = FORMATS[name].dtypes
        dtype = data.draw(st.sampled_from(able))
        expected = file(scheme, dtype, name)
        first = data.draw(st.integers(0, len(expected)))
        last = data.draw(st.integers(first, len(expected)))
        with ThreadPool(2) as workers:
            asked = job(scheme, dtype, name)
            parts = Factory(workers).stream(asked, Stop(), first=first, last=last)

            assert b"".join(parts) == expected[first:last]


ON_TORCH = ChunkedBackend("cpu", partial(fill_on, torch.device("cpu")), MAX_TASK_ELEMENTS)


class TestTorch:
    """The draws in torch operations, which any device can carry out."""

    def both(self, law: ElementLaw, first: int, count: int) -> tuple[Float32s, Float32s]:
        ours, theirs = np.full((2, count), np.nan, np.float32)
        words = key(2**53 - 1, 0xFEDC_BA98_7654_3210)
        law.fill(ours, first, words)
        fill_on(torch.device("cpu"), law, theirs, first, words)
        return ours, theirs

    @every_law
    def test_draw_the_same_bits(self, law: ElementLaw) -> None:
        ours, theirs = self.both(law, 0, 200_000)

        assert np.array_equal(bits(ours), bits(theirs))

    @every_law
    @pytest.mark.parametrize("first", [4, 2**33, 2**34 - 4, 2**35])
    def test_draw_the_same_bits_far_into_a_block(self, law: ElementLaw, first: int) -> None:
        ours, theirs = self.both(law, first, 4096)

        assert np.array_equal(bits(ours), bits(theirs))

    @every_law
    @pytest.mark.parametrize("count", [1, 2, 3, 5])
    def test_draw_any_number_of_elements(self, law: ElementLaw, count: int) -> None:
        ours, theirs = self.both(law, 8, count)

        assert np.array_equal(bits(ours), bits(theirs))

    def drawn(self, given: Mapping[str, Any]) -> dict[str, bytes]:
        made = planned(given)
        with ThreadPool(1) as workers:
            sampler = Sampler(made.spec.seed, workers, backend=ON_TORCH)
            return {tensor.name: sampler.tensor(tensor).tobytes() for tensor in made.tensors}

    @pytest.mark.parametrize("name", SPECS)
    def test_draw_the_golden_networks(self, name: str) -> None:
        found = {
            tensor: sha256(data).hexdigest() for tensor, data in self.drawn(SPECS[name]).items()
        }

        assert found == golden()[name]

    @every_dtype
    @every_scheme
    def test_draw_every_scheme(self, init: Mapping[str, Any], dtype: str) -> None:
        request = asked(LSTM, init, dtype=dtype)
        ours = {name: numbers.tobytes() for name, numbers in stored(request).items()}

        assert self.drawn(request) == ours


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")
class TestCuda:
    @every_law
    def test_draws_the_same_bits(self, law: ElementLaw) -> None:
        """In torch operations; `test_triton.py` asks the same of the fused kernel."""
        ours, theirs = np.empty((2, 200_003), np.float32)
        law.fill(ours, 2**35, key(1, 2))
        fill_on(torch.device("cuda"), law, theirs, 2**35, key(1, 2))

        assert np.array_equal(bits(ours), bits(theirs))

    @pytest.mark.parametrize("name", SPECS)
    def test_makes_the_same_file(self, name: str) -> None:
        spec = dict(SPECS[name]) | {"accept_dead": True}
        ours, theirs = (
            b"".join(stepzero_rnn.stream(spec, device=device)) for device in ("cpu", "cuda")
        )

        assert ours == theirs
