"""Stream version 1 in elementwise torch operations, for any device.

Every operation is a separate kernel, so nothing is contracted into a fused multiply-add and each
result is rounded once; the bits equal those of `philox.py` and `transforms.py`, which explain each
step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stepzero_rnn.engine.elements import transforms as t
from stepzero_rnn.engine.elements.distributions import (
    CutNormal,
    ElementLaw,
    LogitUniform,
    LogUniform,
    Normal,
    RandomLaw,
    Uniform,
)
from stepzero_rnn.engine.words.philox import MULTIPLIER_0, MULTIPLIER_1, WEYL_0, WEYL_1, WORD, Key


def fill_on(device: torch.device, law: ElementLaw, out: NDArray[Any], first: int, key: Key) -> None:
    """Draw elements first, first + 1, … (first a multiple of 4) on a device, into host memory."""
    if not isinstance(law, RandomLaw):
        law.fill(out, first, key)  # not random: the same bits on any device
        return
    words = _words(first // 4, -(-len(out) // 4), key, device)
    values = _transform(law, words, device)[: len(out)]
    torch.from_numpy(out).copy_(values)


def _transform(law: RandomLaw, words: Sequence[Tensor], device: torch.device) -> Tensor:
    kernel, numbers = law.kernel
    scalars = [torch.tensor(number, dtype=torch.float32, device=device) for number in numbers]
    match law:
        case Uniform():
            low, scale = scalars
            return _interleave([_unit(w) * scale + low for w in words])
        case Normal():
            mean, std = scalars
            a, b, c, d = words
            return _interleave([z * std + mean for z in (*_normal_pair(a, b), *_normal_pair(c, d))])
        case LogUniform():
            low, scale, factor = scalars
            return _interleave([factor * _log(_unit(w) * scale + low) for w in words])
        case LogitUniform():
            low, scale, factor = scalars
            shares = [(_unit(w) * scale + low).clamp(max=float(t.BELOW_ONE)) for w in words]
            return _interleave([factor * (_log(x) - _log(1 - x)) for x in shares])
        case CutNormal():
            return _interleave([_cut(kernel, w, scalars) for w in words])


def _interleave(lanes: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(lanes), dim=1).reshape(-1)


def _words(group: int, count: int, key: Key, device: torch.device) -> list[Tensor]:
    """Return the four words of `count` groups, each as int64 below 2³²."""
    index = torch.arange(group, group + count, device=device, dtype=torch.int64)
    s0, s1, k0, k1 = (int(word) for word in key)
    c0, c1 = index & WORD, index >> 32
    c2, c3 = torch.full_like(c0, s0), torch.full_like(c0, s1)
    for _ in range(10):
        # The signed 64-bit product has the bits of the unsigned one.
        p0, p1 = c0 * int(MULTIPLIER_0), c2 * int(MULTIPLIER_1)
        c0, c1, c2, c3 = (
            ((p1 >> 32) & WORD) ^ c1 ^ k0,
            p1 & WORD,
            ((p0 >> 32) & WORD) ^ c3 ^ k1,
            p0 & WORD,
        )
        k0, k1 = (k0 + int(WEYL_0)) & WORD, (k1 + int(WEYL_1)) & WORD
    return [c0, c1, c2, c3]


def _horner(coefficients: Sequence[np.float32], x: Tensor) -> Tensor:
    result = torch.full_like(x, float(coefficients[0]))
    for coefficient in coefficients[1:]:
        result = result * x + float(coefficient)
    return result


def _sqrt(x: Tensor) -> Tensor:
    """Return the correctly rounded root, which the CPU's float32 vector library does not.

    The float64 root rounded to float32 is correct, since 53 ≥ 2·24 + 2.
    """
    return x.double().sqrt().float()


def _log(x: Tensor) -> Tensor:
    bits = x.view(torch.int32)
    e = (bits - int(t.SQRT_HALF_BITS)) >> 23
    r = (bits - (e << 23)).view(torch.float32) - 1
    z = r * r
    return _horner(t.LOG, r) * r * z - 0.5 * z + r + e.float() * float(t.LN2)


def _unit(word: Tensor) -> Tensor:
    return (word >> 8).float() * float(t.TWO_M24)


def _normal_pair(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    radius = _sqrt(-2 * _log(((a >> 8).float() + 0.5) * float(t.TWO_M24)))
    quarter, low = b >> 30, (b << 2) & WORD
    turn = torch.where(low >= 1 << 31, low - (1 << 32), low).float() * float(t.TWO_M32)
    z = turn * turn
    s, c = _horner(t.SIN, z) * turn, _horner(t.COS, z)
    odd = (quarter & 1).bool()
    x, y = torch.where(odd, s, c), torch.where(odd, c, s)
    x = torch.where(((quarter + 1) & 2).bool(), -x, x)
    y = torch.where((quarter & 2).bool(), -y, y)
    return radius * x, radius * y


def _cut(kernel: Any, word: Tensor, scalars: Sequence[Tensor]) -> Tensor:
    low, scale, mean, std, least, most = scalars
    p = ((word >> 9).float() + 0.5) * float(t.TWO_M23) * scale + low
    if kernel is t.cut_tail:
        x, w = 1 - 2 * p, -_log(4 * p * (1 - p))
    else:
        x = p.clamp(-float(t.INSIDE), float(t.INSIDE)) if kernel is t.cut_wide else p
        w = -_log((1 - x) * (1 + x))
    about_centre = _horner(t.CENTRE, w - float(t.CENTRE_AT))
    in_tail = _horner(t.TAIL, _sqrt(w.clamp(min=0)) - float(t.TAIL_AT))
    z = x * torch.where(w < float(t.SPLIT), about_centre, in_tail)
    return torch.minimum(torch.maximum(z * std + mean, least), most)
