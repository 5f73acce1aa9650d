"""The fused kernel draws the same bits: on a GPU, or interpreted where there is none; and as a
GPU's machine code.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from stepzero_rnn.dtypes import DTYPES, DTypeName
from stepzero_rnn.engine.devices.selftest import EXPECTED_DIGEST, digest
from stepzero_rnn.engine.draw import CPU, DrawBackend
from stepzero_rnn.engine.elements.distributions import ElementLaw, Uniform
from stepzero_rnn.engine.words.philox import key
from stepzero_rnn.thresholds import MAX_TASK_ELEMENTS
from tests.engine.every import every_dtype, every_law

pytestmark = pytest.mark.skipif(
    not find_spec("triton"), reason="there is no triton for this platform"
)

ROOT = Path(__file__).parents[2]
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
Codes = Mapping[str, Mapping[str, Mapping[str, int]]]


@pytest.fixture(scope="class")
def triton() -> Iterator[DrawBackend]:
    """Return the backend, whose kernel triton interprets if there is no GPU."""
    with pytest.MonkeyPatch.context() as patch:
        if DEVICE.type == "cpu":
            patch.setenv("TRITON_INTERPRET", "1")
        from stepzero_rnn.engine.devices.triton_backend import TritonBackend

        yield TritonBackend(DEVICE)


def both(
    triton: DrawBackend, law: ElementLaw, first: int, count: int, dtype: DTypeName
) -> tuple[bytes, bytes]:
    """Draw elements first, first + 1, … by the processor's kernels and by the fused one."""
    found = []
    for backend in (CPU, triton):
        out = np.full(count, 0x55, f"u{DTYPES[dtype].item_bytes}").view(DTYPES[dtype].numpy)
        with np.errstate(over="ignore", invalid="ignore"):  # NumPy interprets
            backend.fill(law, out, first, key(2**53 - 1, 0xFEDC_BA98_7654_3210), DTYPES[dtype])
        found.append(out.tobytes())
    return found[0], found[1]


class TestBits:
    @every_dtype
    @every_law
    @pytest.mark.parametrize("first", [0, 3, 2**34 - 2, 2**35 + 1])
    def test_are_the_same(
        self, triton: DrawBackend, law: ElementLaw, first: int, dtype: DTypeName
    ) -> None:
        ours, theirs = both(triton, law, first, 2051, dtype)

        assert ours == theirs

    @every_law
    @pytest.mark.parametrize("count", [1, 2, 3, 5, 1023, 1024, 1025])
    def test_are_the_same_in_any_number(
        self, triton: DrawBackend, law: ElementLaw, count: int
    ) -> None:
        ours, theirs = both(triton, law, 8, count, "float32")

        assert ours == theirs

    @pytest.mark.slow
    def test_are_the_same_across_chunks(self, triton: DrawBackend) -> None:
        ours, theirs = both(triton, Uniform(0.0, 1.0), 1, MAX_TASK_ELEMENTS + 5, "float16")

        assert ours == theirs

    def test_prove_a_device(self, triton: DrawBackend) -> None:
        assert digest(triton) == EXPECTED_DIGEST


@cache
def codes(capability: int) -> Codes:
    """Count the operations on floats in the code for GPUs of a compute capability."""
    shown = subprocess.run(
        [sys.executable, "-m", "tests.engine.gpu_code", str(capability)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found: Codes = json.loads(shown.stdout)
    return found


AMPERE, HOPPER = 80, 90


@pytest.mark.slow
@pytest.mark.parametrize("capability", [AMPERE, HOPPER])
class TestMachineCode:
    def test_rounds_each_operation_by_itself(self, capability: int) -> None:
        rounded = {f"{name}.rn.f32" for name in ("add", "sub", "mul", "sqrt")}

        assert {law: set(code["ptx"]) - rounded for law, code in codes(capability).items()} == {
            law: set() for law in codes(capability)
        }

    def test_fuses_no_product_into_a_sum(self, capability: int) -> None:
        """NVIDIA makes the correctly rounded root, and nothing else here, of fused operations."""
        for code in codes(capability).values():
            assert code["sass"]["FMUL"] == code["ptx"]["mul.rn.f32"]
            assert ("FFMA" in code["sass"]) == ("sqrt.rn.f32" in code["ptx"])
