"""No processor changes a bit: the kernels for others than this one, run where that can be, and read
where it cannot.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import pytest
from numba import njit
from numba.core.registry import CPUDispatcher

from stepzero_rnn.engine.warmup import warm
from tests.engine.golden import SPECS, golden

ROOT = Path(__file__).parents[2]
X86 = platform.machine() == "x86_64"
# One operation that rounds a product's sum once; `contract` allows the processor's own.
FUSED = """
define float @f(float %a, float %b, float %c) {
  %p = fmul contract float %a, %b
  %s = fadd contract float %p, %c
  ret float %s
}
"""
INTRINSIC = "llvm.x86.atomic.sub.cc.i64"  # counts references; a call of that name for the others
ELSEWHERE = "atomic_sub"


def digests_on(processor: str, cache_folder: Path) -> Any:
    """Draw the golden networks with kernels compiled for a processor, without the vector units of
    this one.
    """
    environment = {
        **os.environ,  # noqa: TID251 - handed on, not read
        "NUMBA_CPU_NAME": processor,
        "NUMBA_CPU_FEATURES": "",
        "NUMBA_CACHE_DIR": str(cache_folder),
    }
    shown = subprocess.run(
        [sys.executable, "-m", "tests.engine.golden", *SPECS],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(shown.stdout)


class TestOtherProcessors:
    def test_the_plainest_draws_the_same_bits(self, tmp_path: Path) -> None:
        assert digests_on("generic", tmp_path) == golden()

    @pytest.mark.slow
    @pytest.mark.skipif(not X86, reason="these are x86-64 processors")
    @pytest.mark.parametrize("processor", ["nehalem", "sandybridge", "haswell", "skylake-avx512"])
    def test_one_with_other_vector_units_draws_the_same_bits(
        self, processor: str, tmp_path: Path
    ) -> None:
        assert digests_on(processor, tmp_path) == golden()


@dataclass(frozen=True)
class Compiled:
    """A kernel as compiled for this processor: LLVM's code after all passes, and the
    processor's.
    """

    llvm: str
    assembly: str


def kernels() -> Mapping[str, CPUDispatcher]:
    """Find every kernel of the engine: what the warm-up loads is all that draws."""
    warm()
    return {
        f"{value.py_func.__module__}.{value.py_func.__name__}": value
        for name, module in sys.modules.copy().items()
        if name.startswith("stepzero_rnn.engine.")
        for value in vars(module).values()
        if isinstance(value, CPUDispatcher) and value.targetoptions.get("nogil")
    }


@cache
def compiled() -> Mapping[str, Compiled]:
    """Compile every kernel anew, for the arguments that it is called with: what a cache holds
    cannot be read.
    """
    found = {}
    for name, kernel in kernels().items():
        options = {k: v for k, v in kernel.targetoptions.items() if k != "nopython"}
        fresh = njit(**options)(kernel.py_func)
        for signature in kernel.nopython_signatures:
            fresh.compile(signature)
            code = fresh.inspect_llvm(signature.args), fresh.inspect_asm(signature.args)
            found[f"{name}{signature.args}"] = Compiled(*code)
    return found


@dataclass(frozen=True)
class Target:
    """A processor that code can be written for, and how its fused multiply-adds are called."""

    triple: str
    processor: str
    fused: str
    features: str = ""

    def assembly(self, code: str) -> str:
        """Compile LLVM's code for it."""
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
        machine = llvm.Target.from_triple(self.triple).create_target_machine(
            cpu=self.processor, features=self.features, opt=3
        )
        bare = re.sub(r"^target (datalayout|triple) = .*$", "", code, flags=re.MULTILINE)
        module = llvm.parse_assembly(bare.replace(INTRINSIC, ELSEWHERE))
        module.triple, module.data_layout = self.triple, str(machine.target_data)
        return str(machine.emit_assembly(module))

    def fused_in(self, assembly: str) -> set[str]:
        """Name the fused multiply-adds of a piece of code."""
        return set(re.findall(rf"^\s+({self.fused})\s", assembly, re.MULTILINE))


HASWELL = Target("x86_64-unknown-linux-gnu", "haswell", r"vfn?m(?:add|sub)\w+")
ARM = r"fn?m(?:add|sub|la|ls)\w*"
TARGETS = {
    "haswell": HASWELL,
    "neoverse-v1": Target("aarch64-unknown-linux-gnu", "neoverse-v1", ARM),
    "apple-m1": Target("arm64-apple-darwin", "apple-m1", ARM),
    "power9": Target("powerpc64le-unknown-linux-gnu", "pwr9", r"x[sv]n?m(?:add|sub)\w+|fn?m(?:add|sub)s?"),
    "risc-v": Target("riscv64-unknown-linux-gnu", "generic-rv64", r"fn?m(?:add|sub)\.[sd]", "+m,+a,+f,+d"),
}  # fmt: skip


class TestEveryKernel:
    def test_is_found_and_compiled(self) -> None:
        names = {name.partition("(")[0] for name in compiled()}

        assert names == set(kernels())
        assert {
            "stepzero_rnn.engine.elements.transforms.normal",
            "stepzero_rnn.engine.linalg.haar.apply_reflectors",
        } <= names

    def test_holds_no_operation_that_may_be_rearranged_or_joined(self) -> None:
        marks = r"= f\w+ ((?:(?:fast|nnan|ninf|nsz|arcp|contract|afn|reassoc) )+)|@(llvm\.fm[\w.]+)"

        assert {name: re.findall(marks, code.llvm) for name, code in compiled().items()} == {
            name: [] for name in compiled()
        }

    def test_asks_no_library_for_a_number_but_its_root(self) -> None:
        number = r"^declare [^@]*?(?:float|double|<\d+ x (?:float|double)>) @([\w.]+)"
        asked = {
            name
            for code in compiled().values()
            for name in re.findall(number, code.llvm, re.MULTILINE)
        }

        # PyFloat_AsDouble reads an argument, a masked load memory; an absolute value clears a bit.
        exact = re.compile(r"PyFloat_AsDouble|llvm\.(fabs|masked\.load|sqrt)\..*|sqrtf?")
        assert {name for name in asked if not exact.fullmatch(name)} == set()
        assert "sqrtf" in asked

    @pytest.mark.skipif(not X86, reason="this reads x86-64 code")
    def test_is_not_contracted_on_this_processor(self) -> None:
        found = {name: HASWELL.fused_in(code.assembly) for name, code in compiled().items()}

        assert {name: fused for name, fused in found.items() if fused} == {}

    @pytest.mark.parametrize(
        "name", [pytest.param(n, marks=[pytest.mark.slow] * (n != "neoverse-v1")) for n in TARGETS]
    )
    def test_is_not_contracted_for(self, name: str) -> None:
        target = TARGETS[name]
        found = {
            kernel: target.fused_in(target.assembly(code.llvm))
            for kernel, code in compiled().items()
        }

        assert {kernel: fused for kernel, fused in found.items() if fused} == {}

    @pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
    def test_could_be_contracted_by(self, target: Target) -> None:
        assert target.fused_in(target.assembly(FUSED))
