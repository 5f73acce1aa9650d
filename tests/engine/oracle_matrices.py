"""The oracle's square recurrent matrices, element by element.

Written from `stepzero_rnn/engine/README.md` and the sources that it names, and from nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from scipy import integrate, optimize

from tests.engine import oracle
from tests.engine.oracle_blocks import Rows

PI = 3.14159265358979323846264338327950288  # read as the nearest float64


def bands(size: int, above: float, below: float) -> Rows:
    """Return one number right above the diagonal and one right below it."""
    values = {1: float(oracle.f32(above)), -1: float(oracle.f32(below))}
    return [[values.get(c - r, 0.0) for c in range(size)] for r in range(size)]


def ramp(size: int, end: float) -> Rows:
    """Return a slope across the diagonals."""
    step = oracle.f32(end / (size - 1)) if size > 1 else oracle.f32(0)
    return [[float(oracle.f32(c - r) * step) for c in range(size)] for r in range(size)]


def rotations(
    seed: int,
    stream: int,
    size: int,
    turns: tuple[float, float],
    radii: tuple[float, float] = (1.0, 1.0),
) -> Rows:
    """Return 2 × 2 rotations along the diagonal, by angles between two, in turns; of an odd size
    the last element is a radius.
    """
    rows = [[0.0] * size for _ in range(size)]
    (low, high), (least, most) = turns, radii
    lengths = [
        math.sqrt(
            oracle.word(seed, stream, 4 * j + 1) * 2.0**-32 * (most * most - least * least)
            + least * least
        )
        for j in range(-(-size // 2))
    ]
    for j in range(size // 2):
        unit = oracle.word(seed, stream, 4 * j) * 2.0**-32
        s, c = _sine_and_cosine(unit * (high - low) + low)
        k, s, c = 2 * j, lengths[j] * s, lengths[j] * c
        rows[k][k] = rows[k + 1][k + 1] = c
        rows[k][k + 1], rows[k + 1][k] = -s, s
    if size % 2:
        rows[-1][-1] = lengths[-1]
    return rows


def _sine_and_cosine(turn: float) -> tuple[float, float]:
    quarters = 4.0 * turn
    whole = math.floor(quarters + 0.5)
    t = quarters - whole
    z = t * t
    s, c = _horner(range(17, 0, -2), z) * t, _horner(range(16, -1, -2), z)
    return [(s, c), (c, -s), (-s, -c), (-c, s)][whole % 4]


def _horner(powers: Sequence[int], x: float) -> float:
    """Evaluate the Taylor series of a sine or cosine of quarter turns; its coefficients are rounded
    from fixed point.
    """
    one = oracle.ONE
    total = 0.0
    for place, k in enumerate(powers):
        power = one
        for _ in range(k):
            power = power * oracle.PI // (2 * one)
        coefficient = (-1) ** (k // 2) * (power / (one * math.factorial(k)))
        total = coefficient if place == 0 else total * x + coefficient
    return total


def tanh_gain(input_variance: float) -> float:
    """Return the gain of the critical line, rounded to float32: by SciPy's quadrature and root."""

    def mean(of: Callable[[float], float]) -> float:
        def weighed(z: float) -> float:
            return of(z) * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

        return float(2 * integrate.quad(weighed, 0, 12, epsabs=1e-13, epsrel=1e-13)[0])

    def gain(q: float) -> float:
        return 1 / mean(lambda z: math.cosh(math.sqrt(q) * z) ** -4)

    def excess(q: float) -> float:
        return q - gain(q) * mean(lambda z: math.tanh(math.sqrt(q) * z) ** 2) - input_variance

    if input_variance == 0:
        return 1.0
    q = optimize.brentq(excess, 1e-6, 100, xtol=1e-13)
    return float(oracle.f32(math.sqrt(gain(q))))


def gated_gain(o: Mapping[str, Any], biases: Mapping[str, Mapping[str, Any]]) -> float:
    """Return g for the biases that the tests ask for: 0, those of `forget` and of `chrono`."""
    steps = o.get("target_memory_steps")
    rho = math.exp(-1 / steps) if steps else o.get("target_rho", 1.0)
    kept = "z" if "z" in biases else "f"
    scheme = biases.get(kept, {"scheme": "zeros"})

    def squared(f: float) -> float:
        tied = kept == "z" or scheme["scheme"] == "chrono"
        return (((1 - f) if tied else 0.5) / (rho - f)) ** 2

    if scheme["scheme"] == "chrono":
        low, high = scheme.get("t_min", 2.0), scheme["t_max"]
        found = integrate.quad(lambda t: squared(1 - 1 / t), low, high, epsabs=0, epsrel=1e-12)[0]
        mean = found / (high - low)
    else:
        value = scheme.get("value", 1.0) if scheme["scheme"] == "forget" else 0.0
        mean = squared(1 / (1 + math.exp(-value)))
    return 1 / math.sqrt(mean * 0.5**2)
