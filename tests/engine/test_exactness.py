"""How the work is dealt out, and on what, never changes a bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import app
from app.engine.distributions import Constant, CutNormal, Diagonal, Float32s, Normal, Uniform
from app.engine.draw import Artist, Stored
from app.engine.philox import key
from app.engine.torch_draw import fill_on
from app.engine.workers import Workers
from app.plan import Plan, TensorPlan
from tests.engine.drawing import planned, stored
from tests.engine.golden import SPECS, golden

ROOT = Path(__file__).parents[2]
CHUNKED = [
    name for name in SPECS if name not in ("many-tasks", "deep", "orthogonal-of-many-panels")
]
LAWS = {
    "uniform": Uniform(-0.1, 0.3),
    "normal": Normal(0.5, 0.02),
    "normal at its largest": Normal(0.0, 1e38),
    "cut at centre": CutNormal(0.0, 1.0, -2.0, 1.5),
    "cut at centre, at its widest": CutNormal(0.0, 1.0, -2.9, 2.9),
    "cut wide": CutNormal(-1.0, 0.1, -3.0, 9.0),
    "cut wide on both sides": CutNormal(0.0, 1.0, -12.0, 12.0),
    "cut in the upper tail": CutNormal(0.0, 1.0, 2.0, 7.5),
    "cut in the lower tail": CutNormal(3.0, 0.5, -6.0, -0.25),
    "constant": Constant(0.1),
    "diagonal": Diagonal(0.7, 40, 60),
}
every_law = pytest.mark.parametrize("law", LAWS.values(), ids=list(LAWS))
Element = Uniform | Normal | CutNormal | Constant | Diagonal


def bits(drawn: Stored) -> np.ndarray[Any, np.dtype[np.uint32]]:
    """Give the bits of float32 numbers."""
    return drawn.view(np.uint32)


class TestThreads:
    @pytest.mark.parametrize("threads", [2, 7])
    @pytest.mark.parametrize(
        "name", ["many-tasks", "orthogonal-of-many-panels", "deep", "sparse-out"]
    )
    def test_change_no_bit(self, name: str, threads: int) -> None:
        alone, together = (stored(SPECS[name], threads=count) for count in (1, threads))

        assert all(alone[tensor].tobytes() == together[tensor].tobytes() for tensor in alone)


@cache
def whole(name: str) -> tuple[Plan, dict[str, Stored]]:
    """Draw a golden network."""
    return planned(SPECS[name]), stored(SPECS[name])


def cut_out(made: Plan, tensor: TensorPlan, first: int, last: int) -> bytes:
    """Draw elements first … last of a tensor; give their bytes."""
    with Workers(1) as workers:
        chunks = Artist(made.spec.seed, workers).chunks(tensor, first, last)
        return b"".join(chunk.tobytes() for chunk in chunks)


class TestChunks:
    @pytest.mark.parametrize("name", CHUNKED)
    @given(data=st.data())
    @settings(max_examples=15, deadline=None)
    def test_of_any_range_are_that_part_of_the_whole(self, name: str, data: st.DataObject) -> None:
        made, drawn = whole(name)
        tensor = data.draw(st.sampled_from(made.tensors))
        first = data.draw(st.integers(0, tensor.elements))
        last = data.draw(st.integers(first, tensor.elements))

        assert cut_out(made, tensor, first, last) == drawn[tensor.name][first:last].tobytes()

    @pytest.mark.parametrize("first", [0, 1, 65_535, 524_287, 1_048_575])
    def test_meet_at_the_ends_of_tiles_pieces_and_chunks(self, first: int) -> None:
        made, drawn = whole("many-tasks")
        tensor = made.tensors[1]  # 1031 × 1031, more than 4 MiB

        assert (
            cut_out(made, tensor, first, first + 5)
            == drawn[tensor.name][first : first + 5].tobytes()
        )

    def test_hold_at_most_4_mib(self) -> None:
        made, _ = whole("many-tasks")
        with Workers(1) as workers:
            chunks = list(Artist(made.spec.seed, workers).chunks(made.tensors[1], 3, 1031 * 1031))

        assert [chunk.nbytes for chunk in chunks] == [4 << 20, 4 * (1031 * 1031 - 3) - (4 << 20)]


class TestTorch:
    """The draws in torch operations, which any device can carry out."""

    def both(self, law: Element, first: int, count: int) -> tuple[Float32s, Float32s]:
        ours, theirs = np.full((2, count), np.nan, np.float32)
        words = key(2**53 - 1, 0xFEDC_BA98_7654_3210)
        law.fill(ours, first, words)
        fill_on(torch.device("cpu"), law, theirs, first, words)
        return ours, theirs

    @every_law
    def test_draw_the_same_bits(self, law: Element) -> None:
        ours, theirs = self.both(law, 0, 200_000)

        assert np.array_equal(bits(ours), bits(theirs))

    @every_law
    @pytest.mark.parametrize("first", [4, 2**33, 2**34 - 4, 2**35])
    def test_draw_the_same_bits_far_into_a_block(self, law: Element, first: int) -> None:
        ours, theirs = self.both(law, first, 4096)

        assert np.array_equal(bits(ours), bits(theirs))

    @every_law
    @pytest.mark.parametrize("count", [1, 2, 3, 5])
    def test_draw_any_number_of_elements(self, law: Element, count: int) -> None:
        ours, theirs = self.both(law, 8, count)

        assert np.array_equal(bits(ours), bits(theirs))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")
class TestCuda:
    @every_law
    def test_draws_the_same_bits(self, law: Element) -> None:
        ours, theirs = np.empty((2, 200_003), np.float32)
        law.fill(ours, 2**35, key(1, 2))
        fill_on(torch.device("cuda"), law, theirs, 2**35, key(1, 2))

        assert np.array_equal(bits(ours), bits(theirs))

    @pytest.mark.parametrize("name", SPECS)
    def test_makes_the_same_file(self, name: str) -> None:
        spec = dict(SPECS[name]) | {"accept_dead": True}
        ours, theirs = (b"".join(app.stream(spec, device=device)) for device in ("cpu", "cuda"))

        assert ours == theirs


class TestOtherProcessors:
    """The kernels compiled anew for another processor, without the vector units of this one."""

    NAMES = ("float16", "cut-wide", "sparse")

    def digests_on(self, processor: str, cache_folder: Path) -> Any:
        environment = {
            **os.environ,  # noqa: TID251 - handed on, not read
            "NUMBA_CPU_NAME": processor,
            "NUMBA_CPU_FEATURES": "",
            "NUMBA_CACHE_DIR": str(cache_folder),
            "OMP_NUM_THREADS": "1",
        }
        shown = subprocess.run(
            [sys.executable, "-m", "tests.engine.golden", *self.NAMES],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(shown.stdout)

    def test_the_plainest_draws_the_same_bits(self, tmp_path: Path) -> None:
        expected = {name: golden()[name] for name in self.NAMES}

        assert self.digests_on("generic", tmp_path) == expected

    @pytest.mark.slow
    @pytest.mark.skipif(os.uname().machine != "x86_64", reason="haswell is an x86-64 processor")
    def test_one_with_fused_multiply_add_draws_the_same_bits(self, tmp_path: Path) -> None:
        expected = {name: golden()[name] for name in self.NAMES}

        assert self.digests_on("haswell", tmp_path) == expected
