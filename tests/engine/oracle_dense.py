"""The oracle's laws that take products of whole matrices: Python floats one by one, every sum in
the stated order.

Written from `stepzero_rnn/engine/README.md`, section 3, and from nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from tests.engine import oracle
from tests.engine.oracle_blocks import Rows, gaussians, orthogonal, with_zeros
from tests.engine.oracle_matrices import rotations

FAR, FARTHER = 2**60, 2**61


def spectral_band(seed: int, stream: int, shape: tuple[int, int], margin: float) -> Rows:
    """Return U·diag(s)·Vᵀ."""
    (rows, cols), count = shape, min(shape)
    u = orthogonal(seed, stream, (rows, count), 1.0)
    v = orthogonal(seed, stream, (cols, count), 1.0, first=FAR)
    s = [
        float(oracle.uniform(seed, stream, FARTHER + k, 1 - margin, 1 + margin))
        for k in range(count)
    ]
    us = [[x * factor for x, factor in zip(row, s, strict=True)] for row in u]
    return product(us, transposed(v))


def lsuv(seed: int, stream: int, shape: tuple[int, int], probe: int) -> Rows:
    """Return a Haar matrix whose outputs have variance 1."""
    rows, cols = shape
    q = orthogonal(seed, stream, shape, 1.0)
    x = [
        [float(oracle.normal(seed, stream, FAR + c * cols + r, 0.0, 1.0)) for c in range(probe)]
        for r in range(cols)
    ]
    outputs = transposed(product(q, x))
    count = rows * probe
    mean = ascending(ascending(column) for column in outputs) / count
    square = ascending(ascending(y * y for y in column) for column in outputs) / count
    return scaled(q, 1 / math.sqrt(square - mean * mean))


def spectral_radius(seed: int, stream: int, size: int, o: Mapping[str, Any]) -> Rows:
    """Return a matrix with the spectral radius asked for."""
    target = o.get("radius", 0.9)
    match o.get("kind", "dense"):
        case "ring":
            before = [(unit - 1) % size for unit in range(size)]
            return [[target if j == heard else 0.0 for j in range(size)] for heard in before]
        case "sparse":
            zeros = max(size - o.get("connections", 15), 0)
            drawn = gaussians(seed, stream, (size, size))
            with_zeros(seed, stream, drawn, zeros, "in")
        case _:
            drawn = gaussians(seed, stream, (size, size))
    found = radius(drawn)
    return scaled(drawn, target / found) if found else drawn


def np_rnn(seed: int, stream: int, size: int) -> Rows:
    """Return (A + I)/λ."""
    drawn = gaussians(seed, stream, (size, size))
    gram = product(transposed(drawn), drawn)
    matrix = plus_identity([[x / size for x in row] for row in gram])
    found = radius(matrix)
    return [[x / found for x in row] for row in matrix]


def skew(seed: int, stream: int, size: int, o: Mapping[str, Any]) -> Rows:
    """Return the exponential of a skew matrix, with its diffusion."""
    epsilon = o.get("epsilon", 0.01)
    m, c = gaussians(seed, stream, (size, size)), epsilon * o.get("std", 1.0) / math.sqrt(size)
    x = [[(m[i][j] - m[j][i]) * c for j in range(size)] for i in range(size)]
    square = product(x, x)
    _, exponent = math.frexp(math.sqrt(math.sqrt(norm(product(square, square)))))
    halvings = max(0, exponent + 1)
    y = scaled(x, 2.0**-halvings)
    p = plus_identity([[0.0] * size for _ in range(size)])
    for k in range(14, 0, -1):
        p = plus_identity([[element / k for element in row] for row in product(y, p)])
    for _ in range(halvings):
        p = product(p, p)
    return scaled(p, oracle.exp(-epsilon * o.get("gamma", 0.01)))


def ring_spectrum(seed: int, stream: int, size: int, o: Mapping[str, Any]) -> Rows:
    """Return rotations scaled by radii, in the units' own basis or in a random one."""
    radii = o.get("r_min", 0.9), o.get("r_max", 0.999)
    blocks = rotations(seed, stream, size, (0.0, 1.0), radii)
    if o.get("basis", "blocks") == "blocks":
        return blocks
    basis = orthogonal(seed, stream, (size, size), 1.0, first=FAR)
    return product(transposed(basis), product(blocks, basis))


def radius(matrix: Rows) -> float:
    """Return ‖A^m‖^(1/m), m = 2²⁸."""
    scales = []
    for power in range(29):
        matrix = product(matrix, matrix) if power else matrix
        scales.append(2.0 ** math.frexp(norm(matrix))[1])
        matrix = scaled(matrix, 1 / scales[-1])
    r = norm(matrix)
    for scale in reversed(scales[1:]):
        r = math.sqrt(r * scale)
    return r * scales[0]


def norm(rows: Rows) -> float:
    """Return the Frobenius norm."""
    return math.sqrt(ascending(ascending(x * x for x in column) for column in transposed(rows)))


def scaled(rows: Rows, factor: float) -> Rows:
    """Multiply every element."""
    return [[x * factor for x in row] for row in rows]


def plus_identity(rows: Rows) -> Rows:
    """Add 1 to each element of the diagonal."""
    return [[x + 1.0 if r == c else x for c, x in enumerate(row)] for r, row in enumerate(rows)]


def product(left: Rows, right: Rows) -> Rows:
    """Multiply two matrices."""
    columns = transposed(right)
    return [
        [ascending(a * b for a, b in zip(row, column, strict=True)) for column in columns]
        for row in left
    ]


def transposed(rows: Rows) -> Rows:
    """Turn rows into columns."""
    return [list(column) for column in zip(*rows, strict=True)]


def ascending(terms: Iterable[float]) -> float:
    """Add to 0, one after the other; the built-in sum would make up for what is rounded off."""
    total = 0.0
    for term in terms:
        total += term
    return total
