"""Stream version 1 as one fused Triton kernel: words, law and rounding; it writes final bytes only.

`philox.py`, `transforms.py` and `rounding.py` explain each step; the bits are the same.  No
operations may be fused into fewer roundings (`OPTIONS`), square roots are correctly rounded, and −x
is a product, since Triton's minus loses the sign of zero.  For CUDA only: torch's CUDA builds
include triton.
"""

from __future__ import annotations

from collections.abc import Mapping
from queue import SimpleQueue
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.errors import TritonError

from stepzero_rnn.dtypes import DType
from stepzero_rnn.engine.draw import CPU, Stored
from stepzero_rnn.engine.elements import transforms as t
from stepzero_rnn.engine.elements.distributions import ElementLaw, RandomLaw
from stepzero_rnn.engine.words import philox as p
from stepzero_rnn.engine.words.philox import Key
from stepzero_rnn.thresholds import MAX_TASK_ELEMENTS

CHUNKS = 2  # one is drawn into while the other is copied out
GROUPS = 256  # of four elements, per program
OPTIONS: Mapping[str, Any] = {"num_warps": 4, "enable_fp_fusion": False}
SCALARS = 6  # maximum number of scalars of a law
INTEGERS: Mapping[int, torch.dtype] = {2: torch.int16, 4: torch.int32, 8: torch.int64}

M0, M1 = tl.constexpr(int(p.MULTIPLIER_0)), tl.constexpr(int(p.MULTIPLIER_1))
W0, W1 = tl.constexpr(int(p.WEYL_0)), tl.constexpr(int(p.WEYL_1))
TWO_M23, TWO_M24 = tl.constexpr(float(t.TWO_M23)), tl.constexpr(float(t.TWO_M24))
TWO_M32, LN2 = tl.constexpr(float(t.TWO_M32)), tl.constexpr(float(t.LN2))
SQRT_HALF_BITS = tl.constexpr(int(t.SQRT_HALF_BITS))
CENTRE_AT, TAIL_AT = tl.constexpr(float(t.CENTRE_AT)), tl.constexpr(float(t.TAIL_AT))
SPLIT, INSIDE = tl.constexpr(float(t.SPLIT)), tl.constexpr(float(t.INSIDE))
BELOW_ONE = tl.constexpr(float(t.BELOW_ONE))
LOG, SIN, COS, CENTRE, TAIL = (
    tl.constexpr(tuple(float(c) for c in series))
    for series in (t.LOG, t.SIN, t.COS, t.CENTRE, t.TAIL)
)


class TritonBackend:
    """A backend that draws in a device's memory and copies the results out through a few pinned
    chunks, whatever the size of the model.

    Laws without randomness are evaluated by the CPU.
    """

    def __init__(self, device: torch.device) -> None:
        """Allocate the chunks.

        Raises:
            RuntimeError: the device does not work, or has too little memory.
        """
        self.device = str(device)
        self._chunks: SimpleQueue[_Chunk] = SimpleQueue()
        for _ in range(CHUNKS):
            self._chunks.put(_Chunk(device))

    def fill(self, law: ElementLaw, out: Stored, first: int, key: Key, dtype: DType) -> None:
        """Write elements first, first + 1, … into host memory, rounded to a dtype.

        Raises:
            RuntimeError: the kernel does not compile or run on this device.
        """
        if not isinstance(law, RandomLaw):
            CPU.fill(law, out, first, key, dtype)
            return
        for at in range(0, len(out), MAX_TASK_ELEMENTS):
            chunk = self._chunks.get()
            try:
                chunk.fill(law, out[at : at + MAX_TASK_ELEMENTS], first + at, key, dtype)
            finally:
                self._chunks.put(chunk)


class _Chunk:
    """A buffer for a piece of the widest dtype on the device, and a pinned one on the host."""

    def __init__(self, device: torch.device) -> None:
        count = MAX_TASK_ELEMENTS + 3  # a piece may begin within a group of four
        self._on_device = torch.empty(count, dtype=torch.int64, device=device)
        self._on_host = torch.empty(count, dtype=torch.int64, pin_memory=device.type == "cuda")

    def fill(self, law: RandomLaw, out: Stored, first: int, key: Key, dtype: DType) -> None:
        skip = first % 4
        bits = INTEGERS[dtype.item_bytes]
        buffers = (self._on_device, self._on_host)
        drawn, copied = (buffer.view(bits)[: skip + len(out)] for buffer in buffers)
        with torch.cuda.device_of(drawn):
            launch(law, drawn, first // 4, key, dtype)
            copied.copy_(drawn)  # waits until the device is done
        out[...] = copied[skip:].numpy().view(out.dtype)


def launch(law: RandomLaw, out: Tensor, group: int, key: Key, dtype: DType) -> None:
    """Draw elements 4·group, 4·group + 1, … of a dtype into a device's memory, as integers that
    hold their bits.

    Raises:
        RuntimeError: the kernel does not compile or run on this device.
    """
    name, scalars = arguments(law)
    grid = (triton.cdiv(len(out), 4 * GROUPS),)
    words = [int(word) for word in key]
    try:
        draw[grid](
            out, len(out), group, *words, *scalars, name, dtype.name, groups=GROUPS, **OPTIONS
        )
    except TritonError as error:
        raise RuntimeError(f"the kernel does not compile: {error}") from error


def arguments(law: RandomLaw) -> tuple[str, tuple[float, ...]]:
    """Return the name of a law in the kernel, and its scalars."""
    kernel, scalars = law.kernel
    numbers = [float(scalar) for scalar in scalars]
    return kernel.__name__, (*numbers, *[0.0] * (SCALARS - len(numbers)))


@triton.jit(do_not_specialize=["group", "s0", "s1", "k0", "k1"])
def draw(
    out,
    count: tl.int64,
    group: tl.int64,
    s0: tl.uint32,
    s1: tl.uint32,
    k0: tl.uint32,
    k1: tl.uint32,
    a,
    b,
    c,
    d,
    e,
    f,
    law: tl.constexpr,
    dtype: tl.constexpr,
    groups: tl.constexpr,
):
    """Write elements 4·group, 4·group + 1, … (`count` of them) as integers that hold their bits."""
    place = tl.program_id(0).to(tl.int64) * groups
    g = group + place + tl.arange(0, groups)
    w0, w1, w2, w3 = philox(g.to(tl.uint32), (g >> 32).to(tl.uint32), s0, s1, k0, k1)
    if law == "normal":
        z0, z1 = normal_pair(w0, w1)
        z2, z3 = normal_pair(w2, w3)
        values = four(z0, z1, z2, z3) * b + a
    elif law == "uniform":
        values = unit(four(w0, w1, w2, w3)) * b + a
    elif law == "log_uniform":
        values = log(unit(four(w0, w1, w2, w3)) * b + a) * c
    elif law == "logit_uniform":
        x = unit(four(w0, w1, w2, w3)) * b + a
        x = tl.where(x > BELOW_ONE, BELOW_ONE, x)
        values = (log(x) - log(1.0 - x)) * c
    else:
        values = cut(four(w0, w1, w2, w3), a, b, law) * d + c
        values = tl.where(e > values, e, values)
        values = tl.where(f < values, f, values)
    at = 4 * place + tl.arange(0, 4 * groups)
    tl.store(out + at, rounded(values, dtype), mask=at < count)


@triton.jit
def philox(c0, c1, c2, c3, k0, k1):
    """Turn a counter and a key into four random words."""
    c2, c3 = c2.to(tl.uint32), c3.to(tl.uint32)
    k0, k1 = k0.to(tl.uint32), k1.to(tl.uint32)
    for _ in tl.static_range(10):
        h0, l0 = tl.umulhi(c0, M0), c0 * M0
        h1, l1 = tl.umulhi(c2, M1), c2 * M1
        c0, c1, c2, c3 = h1 ^ c1 ^ k0, l1, h0 ^ c3 ^ k1, l0
        k0, k1 = k0 + W0, k1 + W1
    return c0, c1, c2, c3


@triton.jit
def four(x0, x1, x2, x3):
    """Interleave four lanes."""
    return tl.interleave(tl.interleave(x0, x2), tl.interleave(x1, x3))


@triton.jit
def horner(series: tl.constexpr, x):
    """Evaluate a polynomial."""
    result = x * series[0] + series[1]
    for i in tl.static_range(2, len(series.value)):
        result = result * x + series[i]
    return result


@triton.jit
def log(x):
    """ln(x) of a positive normal float32."""
    bits = x.to(tl.int32, bitcast=True)
    e = (bits - SQRT_HALF_BITS) >> 23
    r = (bits - (e << 23)).to(tl.float32, bitcast=True) - 1.0
    z = r * r
    return horner(LOG, r) * r * z - 0.5 * z + r + e.to(tl.float32) * LN2


@triton.jit
def unit(word):
    """A word as a float32 on [0, 1): its top 24 bits."""
    return (word >> 8).to(tl.float32) * TWO_M24


@triton.jit
def normal_pair(a, b):
    """Two standard normals from two words."""
    radius = tl.sqrt_rn(-2.0 * log(((a >> 8).to(tl.float32) + 0.5) * TWO_M24))
    quarter = b >> 30
    turn = (b << 2).to(tl.int32, bitcast=True).to(tl.float32) * TWO_M32
    z = turn * turn
    s, c = horner(SIN, z) * turn, horner(COS, z)
    odd = (quarter & 1) != 0
    x, y = tl.where(odd, s, c), tl.where(odd, c, s)
    x = tl.where(((quarter + 1) & 2) != 0, -1.0 * x, x)
    y = tl.where((quarter & 2) != 0, -1.0 * y, y)
    return radius * x, radius * y


@triton.jit
def cut(word, low, scale, law: tl.constexpr):
    """A standard normal between the bounds that `low` and `scale` encode."""
    q = ((word >> 9).to(tl.float32) + 0.5) * TWO_M23 * scale + low
    if law == "cut_tail":
        x = 1.0 - 2.0 * q
        w = -1.0 * log(4.0 * q * (1.0 - q))
    else:
        x = q
        if law == "cut_wide":
            x = tl.where(x < -INSIDE, -INSIDE, x)
            x = tl.where(x > INSIDE, INSIDE, x)
        w = -1.0 * log((1.0 - x) * (1.0 + x))
    factor = horner(CENTRE, w - CENTRE_AT)
    if law != "cut_centre":
        factor = tl.where(w < SPLIT, factor, horner(TAIL, tl.sqrt_rn(w) - TAIL_AT))
    return x * factor


@triton.jit
def rounded(values, dtype: tl.constexpr):
    """The bits of float32 numbers in another dtype; a NaN is the default NaN of x86."""
    nan = values != values
    bits = values.to(tl.uint32, bitcast=True)
    if dtype == "float32":
        result = tl.where(nan, 0xFFC00000, bits).to(tl.int32, bitcast=True)
    elif dtype == "float64":
        wide = values.to(tl.float64).to(tl.uint64, bitcast=True)
        result = tl.where(nan, 0xFFF8000000000000, wide).to(tl.int64, bitcast=True)
    elif dtype == "float16":
        half = values.to(tl.float16).to(tl.int16, bitcast=True)
        result = tl.where(nan, -0x200, half).to(tl.int16)
    else:
        nearest = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
        result = tl.where(nan, 0xFFC0, nearest).to(tl.int16)
    return result
