"""Stream version 1 once more, number by number: Python integers and float32 scalars, one rounded
operation at a time.

Written from `stepzero_rnn/engine/README.md` and the sources that it names, and from nothing else;
slow and plain, to be compared bit for bit.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Sequence
from fractions import Fraction
from functools import cache, lru_cache

import numpy as np

f32 = np.float32
WORD = 0xFFFFFFFF
ONE = 1 << 400  # of the fixed point that error functions are summed in

PI = (
    31415926535897932384626433832795028841971693993751058209749445923078164062862089986280348253421170679
    * ONE
    // 10**100
)
# Cephes, logf.c (Moshier 1992).
LOG = (
    7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
    -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
)  # fmt: skip
LN2 = f32(math.log(2))
# The Taylor series of sin and cos of x = t·π/2, in t².
SIN = tuple(
    (-1) ** k * (math.pi / 2) ** (2 * k + 1) / math.factorial(2 * k + 1) for k in (4, 3, 2, 1, 0)
)
COS = tuple(
    (-1) ** k * (math.pi / 2) ** (2 * k) / math.factorial(2 * k) for k in (5, 4, 3, 2, 1, 0)
)
# √2·erf⁻¹(x)/x in w − 2.5 and in √w − 4, w = −ln(1 − x²): fitted, so they can only be repeated.
CENTRE = (
    4.03546529526011e-08, 4.861039428760705e-07, -4.990565230400534e-06, -6.217992904566927e-06,
    0.00030915020033717155, -0.0017730101244524121, -0.005908171180635691, 0.3488026559352875,
    2.1233136653900146,
)  # fmt: skip
TAIL = (
    -2.2695126062899362e-06, 2.7519748982740566e-05, -9.486825729254633e-05, 0.0001150478346971795,
    -8.091898780548945e-05, 0.0003840675053652376, -0.0012932628160342574, 0.0018177686724811792,
    1.4276541471481323, 5.430271625518799,
)  # fmt: skip


def constant(value: float) -> np.float32:
    """Return an element of a constant block; beyond the largest number lies infinity."""
    with np.errstate(over="ignore"):
        return f32(value)


def stream(tensor: str, gate: str) -> int:
    """Return the stream of a block."""
    digest = hashlib.blake2b(f"1/{tensor}/{gate}".encode()).digest()
    return int.from_bytes(digest[:8], "little")


@lru_cache(maxsize=16)  # four words each, asked for one by one
def philox(counter: tuple[int, ...], seed: tuple[int, ...]) -> list[int]:
    """Return four words (Salmon et al. 2011, section 5.3)."""
    (c0, c1, c2, c3), (k0, k1) = counter, seed
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & WORD, (p0 >> 32) ^ c3 ^ k1, p0 & WORD
        k0, k1 = (k0 + 0x9E3779B9) & WORD, (k1 + 0xBB67AE85) & WORD
    return [c0, c1, c2, c3]


def word(seed: int, stream: int, i: int) -> int:
    """Return word i of a stream."""
    group = i // 4
    counter = (group & WORD, group >> 32, stream & WORD, stream >> 32)
    return philox(counter, (seed & WORD, seed >> 32))[i % 4]


def uniform(seed: int, stream: int, i: int, low: float, high: float) -> np.float32:
    """Return element i of a uniform block."""
    unit = f32(word(seed, stream, i) >> 8) * f32(2.0**-24)
    return unit * f32(high - low) + f32(low)


def log_uniform(seed: int, stream: int, i: int, law: tuple[float, float, float]) -> np.float32:
    """Return element i of a block of logarithms; their law: the bounds of what they are of, and a
    factor.
    """
    low, high, factor = law
    return f32(factor) * ln(uniform(seed, stream, i, low, high))


def logit_uniform(seed: int, stream: int, i: int, law: tuple[float, float, float]) -> np.float32:
    """Return element i of a block of logits; their law: the bounds of what they are of, and a
    factor.
    """
    low, high, factor = law
    x = min(uniform(seed, stream, i, low, high), f32(1 - 2.0**-24))
    return f32(factor) * (ln(x) - ln(f32(1) - x))


def normal(seed: int, stream: int, i: int, mean: float, std: float) -> np.float32:
    """Return element i of a normal block."""
    first = i - i % 2
    a, b = word(seed, stream, first), word(seed, stream, first + 1)
    uniform = (f32(a >> 8) + f32(0.5)) * f32(2.0**-24)
    radius: np.float32 = np.sqrt(f32(-2) * ln(uniform))
    turn = f32(_signed((b << 2) & WORD)) * f32(2.0**-32)
    z = turn * turn
    s, c = horner(SIN, z) * turn, horner(COS, z)
    quarter = b >> 30
    x, y = (s, c) if quarter % 2 else (c, s)
    if (quarter + 1) & 2:
        x = -x
    if quarter & 2:
        y = -y
    result: np.float32 = radius * (y if i % 2 else x) * f32(std) + f32(mean)
    return result


def cut_normal(
    seed: int, stream: int, i: int, law: tuple[float, float, float, float]
) -> np.float32:
    """Return element i of a cut normal; its law: mean, standard deviation, and both cuts in those
    from the mean.
    """
    mean, std, low, high = law
    two_sided = low < 0 < high
    if two_sided:
        begin, end, scale = _erf(low), _erf(high), f32(std)
    else:
        near, far = (low, high) if low >= 0 else (-high, -low)
        begin, end, scale = _tail(far), _tail(near), f32(std if low >= 0 else -std)
    share = (f32(word(seed, stream, i) >> 9) + f32(0.5)) * f32(2.0**-23)
    p = share * f32(end - begin) + f32(begin)
    if two_sided:
        edge = f32(1 - 2.0**-23)
        x = p if max(-low, high) <= 2.9 else min(max(p, -edge), edge)
        w = -ln((f32(1) - x) * (f32(1) + x))
    else:
        x = f32(1) - f32(2) * p
        w = -ln(f32(4) * p * (f32(1) - p))
    z = x * horner(CENTRE, w - f32(2.5)) if w < f32(5) else x * horner(TAIL, np.sqrt(w) - f32(4))
    least, most = f32(mean + low * std), f32(mean + high * std)
    return min(max(z * scale + f32(mean), least), most)


def ln(x: np.float32) -> np.float32:
    """Return the logarithm of a positive normal number."""
    (bits,) = struct.unpack("<i", struct.pack("<f", x))
    e = (bits - 0x3F3504F3) >> 23
    (reduced,) = struct.unpack("<f", struct.pack("<i", bits - (e << 23)))
    r = f32(reduced) - f32(1)
    z = r * r
    return horner(LOG, r) * r * z - f32(0.5) * z + r + f32(e) * LN2


def horner(coefficients: Sequence[float], x: np.float32) -> np.float32:
    """Evaluate a polynomial, the highest power first."""
    result = f32(coefficients[0])
    for coefficient in coefficients[1:]:
        result = result * x + f32(coefficient)
    return result


def exp(x: float) -> float:
    """Return eˣ, correctly rounded: its series in exact arithmetic."""
    term, total, n = Fraction(1), Fraction(1), 0
    while abs(term) > Fraction(1, ONE):
        n += 1
        term = term * Fraction(x) / n
        total += term
    return float(total)


def spread_of_cut_at_2() -> float:
    """Return the standard deviation of N(0, 1) cut at ±2: the root of 1 − 4·φ(2)/erf(√2), which is
    rounded first.
    """
    term, exponential, n = ONE, 0, 0
    while term:
        exponential += term
        n += 1
        term = -2 * term // n if abs(term) > n else 0
    density = exponential * ONE // math.isqrt(2 * PI * ONE)
    return math.sqrt(Fraction(_erf_bits(2) - 4 * density, _erf_bits(2)))


def _signed(bits: int) -> int:
    return bits - (1 << 32) if bits >> 31 else bits


def _erf(z: float) -> float:
    """Return erf(z/√2), correctly rounded."""
    return float(Fraction(_erf_bits(z), ONE))


def _tail(z: float) -> float:
    """Return the chance that a standard normal exceeds z, correctly rounded."""
    return float(Fraction(ONE - _erf_bits(z), 2 * ONE))


@cache
def _erf_bits(z: float) -> int:
    """Return erf(z/√2) in units of 2⁻⁴⁰⁰: √(2/π)·Σ (−1)ⁿ z²ⁿ⁺¹ / (2ⁿ n! (2n + 1)) (DLMF 7.6.1)."""
    x = Fraction(max(-12.0, min(12.0, z)))
    term, total, n = int(x * ONE), 0, 0
    square = int(x * x * ONE)
    while term:
        total += term // (2 * n + 1)
        n += 1
        term = -term * square // ONE // (2 * n) if abs(term) > n else 0
    return total * math.isqrt(2 * ONE**3 // PI) // ONE
