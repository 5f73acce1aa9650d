"""What the fused kernel becomes for a GPU; none is needed to compile for it.

`python -m tests.engine.gpu_code CAPABILITY` prints, of each law and dtype, how often each operation
on floats stands in PTX, the portable code, and in SASS, the code of GPUs of this compute capability
(90: Hopper).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import triton
from triton.backends import nvidia
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from stepzero_rnn.dtypes import DTYPES, DTypeName
from stepzero_rnn.engine.devices.triton_backend import GROUPS, OPTIONS, draw

NVDISASM = Path(nvidia.__file__).parent / "bin" / "nvdisasm"
LAWS = (
    *("uniform", "normal", "cut_centre", "cut_wide", "cut_tail"),
    *("log_uniform", "logit_uniform"),
)
POINTERS = {2: "*i16", 4: "*i32", 8: "*i64"}
TYPES = {"count": "i64", "group": "i64", **dict.fromkeys(("s0", "s1", "k0", "k1"), "u32")}
IN_PTX = re.compile(
    r"^\s*(?:@\S+ )?((?:add|sub|mul|mad|fma|div|rcp|sqrt|ex2|lg2|sin|cos|tanh)\.[\w.]*f\d+)",
    re.MULTILINE,
)
IN_SASS = re.compile(r"\b((?:FADD|FMUL|FFMA|MUFU|DADD|DMUL|DFMA|HFMA2|HMUL2|HADD2)[.\w]*)")


def compiled(law: str, dtype: DTypeName, capability: int) -> Any:
    """Compile for one law and dtype."""
    constants = {"law": law, "dtype": dtype, "groups": GROUPS}
    types = {
        "out": POINTERS[DTYPES[dtype].item_bytes],
        **TYPES,
        **dict.fromkeys(constants, "constexpr"),
    }
    signature = {name: types.get(name, "fp32") for name in draw.arg_names}
    source = ASTSource(fn=draw, signature=signature, constexprs=constants)
    return triton.compile(source, target=GPUTarget("cuda", capability, 32), options=dict(OPTIONS))


def sass(cubin: bytes) -> str:
    """Disassemble."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.cubin"
        path.write_bytes(cubin)
        return subprocess.run([NVDISASM, path], capture_output=True, text=True, check=True).stdout


def operations(law: str, dtype: DTypeName, capability: int) -> Mapping[str, Mapping[str, int]]:
    """Count the operations on floats in both codes."""
    code = compiled(law, dtype, capability).asm
    return {
        "ptx": Counter(IN_PTX.findall(code["ptx"])),
        "sass": Counter(IN_SASS.findall(sass(code["cubin"]))),
    }


if __name__ == "__main__":
    capability = int(sys.argv[1])
    json.dump(
        {
            f"{law} {dtype}": operations(law, dtype, capability)
            for law, dtype in product(LAWS, DTYPES)
        },
        sys.stdout,
    )
