"""The oracle's laws of whole blocks, and the last rounding: Python floats one by one, and integers.

Written from `stepzero_rnn/engine/README.md`, sections 3 and 4, and from nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tests.engine import oracle

Rows = list[list[float]]
BLOCK = 8  # reflectors that are joined
# Of each dtype: bits of the mantissa, the exponent's bias, bytes.
FORMATS: Mapping[str, tuple[int, int, int]] = {
    "float64": (52, 1023, 8),
    "float32": (23, 127, 4),
    "float16": (10, 15, 2),
    "bfloat16": (7, 127, 2),
}


def identity(rows: int, cols: int, gain: float) -> Rows:
    """Return `gain` where row = column, else 0."""
    return [[float(oracle.f32(gain if r == c else 0)) for c in range(cols)] for r in range(rows)]


def hadamard(rows: int, cols: int) -> Rows:
    """Return the identity, or a part of the scaled matrix where there are more rows than
    columns.
    """
    if rows <= cols:
        return identity(rows, cols, 1.0)
    size = oracle.f32(math.sqrt(2.0 ** (1 - math.ceil(math.log2(rows)))))
    return [
        [float(-size if (r & c).bit_count() % 2 else size) for c in range(cols)]
        for r in range(rows)
    ]


def with_zeros(seed: int, stream: int, drawn: Rows, zeros: int, axis: str) -> Rows:
    """Put so many zeros into every unit, where the smallest words stand."""
    rows, cols = len(drawn), len(drawn[0])
    connections, units = (cols, rows) if axis == "in" else (rows, cols)
    for unit in range(units):
        places = [(unit, at) if axis == "in" else (at, unit) for at in range(connections)]
        words = [oracle.word(seed, stream, r * cols + c + 2**62) for r, c in places]
        smallest = sorted(zip(words, range(connections), strict=True))[:zeros]
        for _, at in smallest:
            r, c = places[at]
            drawn[r][c] = 0.0
    return drawn


def gaussians(seed: int, stream: int, shape: tuple[int, int], *, first: int = 0) -> Rows:
    """Return standard normals, row by row, the first of which is number `first`."""
    rows, cols = shape
    return [
        [float(oracle.normal(seed, stream, first + r * cols + c, 0.0, 1.0)) for c in range(cols)]
        for r in range(rows)
    ]


def orthogonal(
    seed: int,
    stream: int,
    shape: tuple[int, int],
    gain: float,
    *,
    first: int = 0,
    special: bool = False,
) -> Rows:
    """Return `gain` times a product of the reflectors of Gaussian columns, in float64; their
    elements begin at `first`.
    """
    n, m = max(shape), min(shape)
    drawn = gaussians(seed, stream, (n, m), first=first)
    reflectors = [_reflector([row[k] for row in drawn], k) for k in range(m)]
    nothing = ([0.0] * n, 0.0, 1.0)
    blocks = [
        [*reflectors[first : first + BLOCK], *[nothing] * BLOCK][:BLOCK]
        for first in range(0, m, BLOCK)
    ]
    factors = [_factor(block, first * BLOCK, n) for first, block in enumerate(blocks)]
    columns = []
    for k in range(m):
        column = [1.0 if r == k else 0.0 for r in range(n)]
        for b in reversed(range(len(blocks))):
            _reflect(column, [v for v, _, _ in blocks[b]], factors[b], b * BLOCK)
        turned = special and k == m - 1 and _determinant(reflectors) < 0
        columns.append([x * (gain * reflectors[k][2] * (-1 if turned else 1)) for x in column])
    if shape[0] < shape[1]:
        return columns
    return [[column[r] for column in columns] for r in range(n)]


def _reflector(column: Sequence[float], k: int) -> tuple[list[float], float, float]:
    """Return v, τ and the sign of one Gaussian column."""
    square = 0.0
    for x in column[k:]:
        square += x * x
    d = column[k]
    sign = 1.0 if d >= 0 else -1.0
    beta = -sign * math.sqrt(square)
    tau, divisor = ((beta - d) / beta, d - beta) if square else (0.0, 1.0)
    below = [x / divisor for x in column[k + 1 :]]
    return [0.0] * k + [1.0, *below], tau, sign


def _determinant(reflectors: Sequence[tuple[list[float], float, float]]) -> float:
    """Return the product of the signs, and of −1 for each reflector."""
    return math.prod(sign * (-1 if tau else 1) for _, tau, sign in reflectors)


def _factor(block: Sequence[tuple[list[float], float, float]], first: int, n: int) -> Rows:
    """Return T of eight reflectors, the first of which begins at row `first`."""
    factor = [[0.0] * BLOCK for _ in range(BLOCK)]
    for j, (v, tau, _) in enumerate(block):
        factor[j][j] = tau
        products = [_dot(block[i][0], v, first + j, n) for i in range(j)]
        for i in range(j):
            total = 0.0
            for between in range(i, j):
                total += factor[i][between] * products[between]
            factor[i][j] = -tau * total
    return factor


def _reflect(p: list[float], v: Sequence[Sequence[float]], factor: Rows, first: int) -> None:
    """Apply one block of reflectors to a column."""
    w = [_dot(v[i], p, first, len(p)) for i in range(BLOCK)]
    y = []
    for i in range(BLOCK):
        total = 0.0
        for at in range(i, BLOCK):
            total += factor[i][at] * w[at]
        y.append(total)
    for r in range(first, len(p)):
        a = [v[i][r] * y[i] for i in range(BLOCK)]
        p[r] -= ((a[0] + a[1]) + (a[2] + a[3])) + ((a[4] + a[5]) + (a[6] + a[7]))


def _dot(left: Sequence[float], right: Sequence[float], first: int, last: int) -> float:
    total = 0.0
    for r in range(first, last):
        total += left[r] * right[r]
    return total


def stored(value: float, dtype: str) -> bytes:
    """Round a number once, to nearest, ties to even, in exact arithmetic; give its bytes."""
    mantissa, bias, size = FORMATS[dtype]
    sign = int(math.copysign(1, value) < 0)
    infinity = (2 * bias + 1) << mantissa
    magnitude = infinity if math.isinf(value) else _nearest(abs(value), mantissa, bias)
    return (sign << (8 * size - 1) | min(magnitude, infinity)).to_bytes(size, "little")


def _nearest(value: float, mantissa: int, bias: int) -> int:
    """Return the bits of a number that is not negative."""
    exponent = max(math.frexp(value)[1] - 1, 1 - bias)
    numerator, denominator = value.as_integer_ratio()
    shift = exponent - mantissa
    unit = denominator << max(shift, 0)
    steps, rest = divmod(numerator << max(-shift, 0), unit)
    steps += (2 * rest, steps % 2) > (unit, 0)
    # The bits of ascending numbers ascend by one, through all exponents.
    return steps + (exponent + bias - 1 << mantissa) if value else 0
