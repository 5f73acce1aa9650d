"""Converts random words to the numbers of every elementwise law, in float32.

Every constant and the order of every operation is part of stream version 1.  Expressions without
parentheses are evaluated from left to right, polynomials by Horner's rule.
"""

from __future__ import annotations

import numpy as np

from stepzero_rnn.engine.words.kernels import bits_float32, float32_bits, inline, kernel
from stepzero_rnn.engine.words.philox import fill_words

f32, i32, u32 = np.float32, np.int32, np.uint32

NEAR = 1 << 12  # elements: 16 KiB, which stays in a core's L1 cache
HALF, ONE, TWO, FOUR = f32(0.5), f32(1), f32(2), f32(4)
TWO_M23, TWO_M24, TWO_M32 = f32(2.0**-23), f32(2.0**-24), f32(2.0**-32)
LN2 = f32(0.6931471805599453)
SQRT_HALF_BITS = i32(0x3F3504F3)
# ln(1 + r) on [√½ − 1, √2 − 1): the coefficients of Cephes' logf (Moshier 1992).
LOG = tuple(
    f32(c)
    for c in (
        7.0376836292e-2,
        -1.1514610310e-1,
        1.1676998740e-1,
        -1.2420140846e-1,
        1.4249322787e-1,
        -1.6668057665e-1,
        2.0000714765e-1,
        -2.4999993993e-1,
        3.3333331174e-1,
    )
)
# sin and cos of a quarter turn: the Taylor series about 0, for t on [−½, ½) as sin(t·π/2),
# cos(t·π/2).
SIN = tuple(
    f32(c)
    for c in (
        0.00016044118478735975,
        -0.004681754135318687,
        0.07969262624616704,
        -0.6459640975062462,
        1.5707963267948966,
    )
)
COS = tuple(
    f32(c)
    for c in (
        -2.5202042373060605e-05,
        0.0009192602748394263,
        -0.020863480763352957,
        0.25366950790104797,
        -1.2337005501361697,
        1.0,
    )
)
# √2·erf⁻¹(x)/x as a function of w = −ln(1 − x²): about w = 2.5 for w < 5, about √w = 4 beyond
# (relative error 1e−7 and 7e−7).  The split is Giles' ("Approximating the erfinv function", 2012);
# the coefficients are fitted here.
CENTRE = tuple(
    f32(c)
    for c in (
        4.03546529526011e-08,
        4.861039428760705e-07,
        -4.990565230400534e-06,
        -6.217992904566927e-06,
        0.00030915020033717155,
        -0.0017730101244524121,
        -0.005908171180635691,
        0.3488026559352875,
        2.1233136653900146,
    )
)
TAIL = tuple(
    f32(c)
    for c in (
        -2.2695126062899362e-06,
        2.7519748982740566e-05,
        -9.486825729254633e-05,
        0.0001150478346971795,
        -8.091898780548945e-05,
        0.0003840675053652376,
        -0.0012932628160342574,
        0.0018177686724811792,
        1.4276541471481323,
        5.430271625518799,
    )
)
L0, L1, L2, L3, L4, L5, L6, L7, L8 = LOG
S0, S1, S2, S3, S4 = SIN
C0, C1, C2, C3, C4, C5 = COS
E0, E1, E2, E3, E4, E5, E6, E7, E8 = CENTRE
T0, T1, T2, T3, T4, T5, T6, T7, T8, T9 = TAIL
CENTRE_AT, TAIL_AT, SPLIT = f32(2.5), f32(4), f32(5)
INSIDE, BELOW_ONE = f32(1 - 2.0**-23), f32(1 - 2.0**-24)


@inline
def log(x):
    """ln(x) of a positive normal float32."""
    bits = float32_bits(x)
    e = (bits - SQRT_HALF_BITS) >> i32(23)
    r = bits_float32(i32(bits - (e << i32(23)))) - ONE
    p = L0
    p = p * r + L1
    p = p * r + L2
    p = p * r + L3
    p = p * r + L4
    p = p * r + L5
    p = p * r + L6
    p = p * r + L7
    p = p * r + L8
    z = r * r
    return p * r * z - HALF * z + r + f32(e) * LN2


@inline
def unit(word):
    """A word as a float32 on [0, 1): its top 24 bits."""
    return f32(i32(word >> u32(8))) * TWO_M24


@inline
def normal_pair(a, b):
    """Two standard normals from two words (Box & Muller 1958): radius from `a`, angle from `b`."""
    radius = np.sqrt(-TWO * log((f32(i32(a >> u32(8))) + HALF) * TWO_M24))
    quarter, t = i32(b >> u32(30)), f32(i32(b << u32(2))) * TWO_M32
    z = t * t
    s = ((((S0 * z + S1) * z + S2) * z + S3) * z + S4) * t
    c = ((((C0 * z + C1) * z + C2) * z + C3) * z + C4) * z + C5
    x, y = (s, c) if quarter & i32(1) else (c, s)
    x = -x if (quarter + i32(1)) & i32(2) else x
    y = -y if quarter & i32(2) else y
    return radius * x, radius * y


@inline
def centre(w):
    """√2·erf⁻¹(x)/x for w < 5."""
    v = w - CENTRE_AT
    p = E0
    p = p * v + E1
    p = p * v + E2
    p = p * v + E3
    p = p * v + E4
    p = p * v + E5
    p = p * v + E6
    p = p * v + E7
    return p * v + E8


@inline
def tail(w):
    """√2·erf⁻¹(x)/x for w ≥ 5."""
    v = np.sqrt(w) - TAIL_AT
    p = T0
    p = p * v + T1
    p = p * v + T2
    p = p * v + T3
    p = p * v + T4
    p = p * v + T5
    p = p * v + T6
    p = p * v + T7
    p = p * v + T8
    return p * v + T9


@inline
def cut_unit(word, low, scale):
    """Map the top 23 bits of a word evenly to [low, low + scale], avoiding both ends."""
    return (f32(i32(word >> u32(9))) + HALF) * TWO_M23 * scale + low


@kernel
def uniform(out, group, s0, s1, k0, k1, low, scale):
    """Write the bits of low + scale·u into `out`, from the words of elements 4·group, 4·group + 1,
    …

    Like every law, it works in pieces: words are drawn, and converted while they are in the cache.
    """
    for at in range(0, out.shape[0], NEAR):
        words = out[at : at + NEAR]
        fill_words(words, group + at // 4, s0, s1, k0, k1)
        for i in range(words.shape[0]):
            words[i] = float32_bits(unit(words[i]) * scale + low)


@kernel
def log_uniform(out, group, s0, s1, k0, k1, low, scale, factor):
    """Write factor·ln(low + scale·u)."""
    for at in range(0, out.shape[0], NEAR):
        words = out[at : at + NEAR]
        fill_words(words, group + at // 4, s0, s1, k0, k1)
        for i in range(words.shape[0]):
            words[i] = float32_bits(factor * log(unit(words[i]) * scale + low))


@kernel
def logit_uniform(out, group, s0, s1, k0, k1, low, scale, factor):
    """Write factor·ln(x/(1 − x)), x = low + scale·u, clamped below 1."""
    for at in range(0, out.shape[0], NEAR):
        words = out[at : at + NEAR]
        fill_words(words, group + at // 4, s0, s1, k0, k1)
        for i in range(words.shape[0]):
            x = min(unit(words[i]) * scale + low, BELOW_ONE)
            words[i] = float32_bits(factor * (log(x) - log(ONE - x)))


@kernel
def normal(out, group, s0, s1, k0, k1, mean, std):
    """Write mean + std·z; the length is even, since normals are drawn in pairs."""
    for at in range(0, out.shape[0], NEAR):
        words = out[at : at + NEAR]
        fill_words(words, group + at // 4, s0, s1, k0, k1)
        for i in range(words.shape[0] // 2):
            x, y = normal_pair(words[2 * i], words[2 * i + 1])
            words[2 * i] = float32_bits(x * std + mean)
            words[2 * i + 1] = float32_bits(y * std + mean)


@kernel
def cut_centre(out, group, s0, s1, k0, k1, low, scale, mean, std, least, most):
    """Write truncated normals whose cuts are so close to the mean that w < 5.

    `low` and `scale` are in units of erf; the result is mean + std·z, clamped to [least, most].
    """
    for at in range(0, out.shape[0], NEAR):
        words = out[at : at + NEAR]
        fill_words(words, group + at // 4, s0, s1, k0, k1)
        for i in range(words.shape[0]):
            x = cut_unit(words[i], low, scale)
            z = x * centre(-log((ONE - x) * (ONE + x)))
            words[i] = float32_bits(min(max(z * std + mean, least), most))


@kernel
def cut_wide(out, group, s0, s1, k0, k1, low, scale, mean, std, least, most):
    """Write truncated normals with cuts on both sides of the mean; arguments as in `cut_centre`."""
    for at in range(0, out.shape[0], NEAR):
        words = out[at : at + NEAR]
        fill_words(words, group + at // 4, s0, s1, k0, k1)
        for i in range(words.shape[0]):
            x = min(max(cut_unit(words[i], low, scale), -INSIDE), INSIDE)
            w = -log((ONE - x) * (ONE + x))
            z = x * (centre(w) if w < SPLIT else tail(w))
            words[i] = float32_bits(min(max(z * std + mean, least), most))


@kernel
def cut_tail(out, group, s0, s1, k0, k1, low, scale, mean, std, least, most):
    """Write truncated normals with both cuts above the mean (for below: std < 0).

    `low` and `scale` are in units of upper-tail probability.
    """
    for at in range(0, out.shape[0], NEAR):
        words = out[at : at + NEAR]
        fill_words(words, group + at // 4, s0, s1, k0, k1)
        for i in range(words.shape[0]):
            q = cut_unit(words[i], low, scale)
            w = -log(FOUR * q * (ONE - q))
            z = (ONE - TWO * q) * (centre(w) if w < SPLIT else tail(w))
            words[i] = float32_bits(min(max(z * std + mean, least), most))
