"""Matrix functions by repeated products: spectral radius, and exponential of a skew-symmetric
matrix.
"""

from __future__ import annotations

from math import frexp, ldexp, sqrt

import numpy as np

from stepzero_rnn.engine.linalg.products import Tiles, add_identity, gram, norm, product, transposed
from stepzero_rnn.engine.linalg.tasks import Run

# ‖A^m‖^(1/m), m = 2²⁸, is within ln(C)·2⁻²⁸ of ρ if ‖A^m‖ ≤ C·ρ^m; for C < 9·10⁶ that is below
# the precision of float32.
SQUARINGS = 28
DEGREE = 14  # of the Taylor polynomial: ½¹⁵/15! is below 2⁻⁵³


def radius(matrix: Tiles, run: Run, *, symmetric: bool = False) -> float:
    """Return the spectral radius by Gelfand's formula, ‖A^m‖^(1/m) with m = 2²⁸; 0 if a power
    vanishes.

    Every power is scaled by a power of two, which is exact, and the root is taken as 28 square
    roots.

    Args:
        symmetric: whether the matrix is symmetric, which halves the work and changes no bit.
    """
    power, square, turned = matrix.copy(), np.empty_like(matrix), None
    scales = [_scale(power, run)]
    for _ in range(SQUARINGS):
        if symmetric:
            gram(power, run, square)
        else:
            turned = transposed(power, run, turned)
            product(turned, power, run, square)
        power, square = square, power
        scales.append(_scale(power, run))
    result = norm(power, run)
    for scale in reversed(scales[1:]):
        result = sqrt(result * scale)
    return result * scales[0]


def _scale(matrix: Tiles, run: Run) -> float:
    """Divide a matrix by the power of two that brings its norm into [½, 1), and return it."""
    _, exponent = frexp(norm(matrix, run))
    scale = ldexp(1.0, exponent)
    matrix /= scale
    return scale


def exponential(skew: Tiles, size: int, run: Run) -> Tiles:
    """Return e^X of a skew-symmetric matrix of `size` rows, by scaling, Taylor series and squaring.

    A skew-symmetric matrix is normal, so its norm is at most ‖X⁴‖^¼; X is halved until that is
    below ½.
    """
    turned = -skew
    square = product(turned, skew, run)
    _, exponent = frexp(sqrt(sqrt(norm(gram(square, run), run))))
    halvings = max(0, exponent + 1)
    turned /= ldexp(1.0, halvings)
    total, other = np.zeros_like(skew), square
    add_identity(total, size)
    for power in range(DEGREE, 0, -1):
        product(turned, total, run, other)
        other /= power
        add_identity(other, size)
        total, other = other, total
    for _ in range(halvings):
        product(transposed(total, run, turned), total, run, other)
        total, other = other, total
    return total
