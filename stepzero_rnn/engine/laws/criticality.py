"""Gains at which signals in a recurrent network neither vanish nor explode, solved numerically.

Expectations are sums over the nodes of a Gauss–Legendre rule, rounded once (`math.fsum`); their
exponentials are computed in decimal, so that every machine obtains the same gain.  `README.md`
states the criteria and their sources.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal, localcontext
from functools import lru_cache
from itertools import pairwise
from math import fsum, inf, prod, sqrt
from typing import NamedTuple

DIGITS = 34  # of the exponentials, twice as many as float64 has
MAX_DEVIATIONS = 12.0  # standard deviations; the probability beyond is less than 1e−32
STEPS, CLOSE = 100, 2.0**-48  # iteration limit and tolerance of the root search
# Nodes and weights of the rule on [−1, 1]; each entry is for ±node.
NODES = (
    (0.09501250983763744, 0.1894506104550685),
    (0.2816035507792589, 0.18260341504492358),
    (0.45801677765722737, 0.16915651939500254),
    (0.6178762444026438, 0.14959598881657674),
    (0.755404408355003, 0.12462897125553388),
    (0.8656312023878318, 0.09515851168249279),
    (0.9445750230732326, 0.062253523938647894),
    (0.9894009349916499, 0.027152459411754096),
)
# σ² is at least 1 + 2q, with q³ = ¾ of the input's variance: below this, σ rounds to 1 in float64.
NO_INPUT = 1e-48
Point = tuple[float, float]  # a point and its weight


def exps(values: Sequence[float]) -> list[float]:
    """Return eˣ of numbers, to within one unit in the last place of float64."""
    with localcontext(prec=DIGITS):
        return [float(Decimal(value).exp()) for value in values]


def points(panels: Sequence[Point]) -> Iterator[Point]:
    """Yield the nodes of panels (begin, end), with their weights in an integral over them."""
    for begin, end in panels:
        middle, half = (begin + end) / 2, (end - begin) / 2
        for node, weight in NODES:
            yield middle - half * node, half * weight
            yield middle + half * node, half * weight


def panels(low: float, high: float, width: float = 1.0, pole: float = inf) -> list[Point]:
    """Divide an interval, from its upper end, into panels no wider than `width` or than their
    distance to a pole above.
    """
    if pole <= high:
        raise ValueError(f"the interval up to {high} holds the pole {pole}")
    cuts = [high]
    while cuts[-1] > low:
        cuts.append(max(low, cuts[-1] - min(width, pole - cuts[-1])))
    return [(begin, end) for end, begin in pairwise(cuts)]


class GateLaw(NamedTuple):
    """The distribution of a gate's activation: weights, activations and their complements.

    Gates of the same source vary together, point by point; gates of different sources are
    independent.
    """

    source: str
    weights: tuple[float, ...]
    opened: tuple[float, ...]
    shut: tuple[float, ...]

    @property
    def mirrored(self) -> GateLaw:
        """The gate whose activation is 1 minus this one's."""
        return self._replace(opened=self.shut, shut=self.opened)


def gate_of(source: str, biases: Sequence[Point]) -> GateLaw:
    """Return the distribution of a gate, given the weighted points of its bias."""
    total = fsum(weight for _, weight in biases)
    small = exps([-abs(bias) for bias, _ in biases])
    more, less = [1 / (1 + e) for e in small], [e / (1 + e) for e in small]
    positive = [bias >= 0 for bias, _ in biases]
    return GateLaw(
        source,
        tuple(weight / total for _, weight in biases),
        tuple(m if p else s for m, s, p in zip(more, less, positive, strict=True)),
        tuple(s if p else m for m, s, p in zip(more, less, positive, strict=True)),
    )


def lstm_gain(i: GateLaw, f: GateLaw, o: GateLaw, gap: float) -> float:
    """Return g such that diag(f) + diag(i·o)·W, W iid with the variance g²/H, has the spectral
    radius 1 − gap.
    """
    return 1 / sqrt(
        _mean(
            (i, [x * x for x in i.opened]),
            (f, [1 / ((x - gap) * (x - gap)) for x in f.shut]),
            (o, [x * x for x in o.opened]),
        )
    )


def gru_gain(r: GateLaw, z: GateLaw, gap: float) -> float:
    """Return g such that diag(z) + diag((1 − z)·r)·W, W iid with the variance g²/H, has the
    spectral radius 1 − gap.
    """
    shares = [x / (x - gap) for x in z.shut]
    return 1 / sqrt(_mean((r, [x * x for x in r.opened]), (z, [x * x for x in shares])))


def _mean(*factors: tuple[GateLaw, list[float]]) -> float:
    """Return the mean of a product with one factor for each gate."""
    means = []
    for source in sorted({gate.source for gate, _ in factors}):
        together = [(gate, values) for gate, values in factors if gate.source == source]
        weights = together[0][0].weights
        rows = zip(weights, *(values for _, values in together), strict=True)
        means.append(fsum(prod(row) for row in rows))
    return prod(means)


@lru_cache(maxsize=64)
def tanh_gain(input_variance: float) -> float:
    """Return σ such that x → tanh(σ·Q·x + input), with Q orthogonal, preserves the size of small
    differences (χ = 1).
    """
    if input_variance < NO_INPUT:
        return 1.0
    low, high = 0.0, max(input_variance, 1e-8)
    while _tanh_line(high)[1] < input_variance:
        low, high = high, 4 * high
    q = _root(lambda q: _tanh_line(q)[1] - input_variance if q else -input_variance, low, high)
    return sqrt(_tanh_line(q)[0])


def _root(of: Callable[[float], float], low: float, high: float) -> float:
    """Return the root of an increasing function in an interval, by the Illinois variant of regula
    falsi.
    """
    below, above, place, side = of(low), of(high), low, 0
    for _ in range(STEPS):
        before, place = place, (low * above - high * below) / (above - below)
        value = of(place)
        if abs(place - before) <= CLOSE * place:
            break
        if value > 0:
            high, above, below = place, value, below / 2 if side > 0 else below
        else:
            low, below, above = place, value, above / 2 if side < 0 else above
        side = 1 if value > 0 else -1
    return place


def _tanh_line(q: float) -> tuple[float, float]:
    """Return the squared gain on the critical line for a pre-activation of variance q, and the
    input's variance at that point.
    """
    scale = sqrt(q)
    nodes, weights = _half_gaussian(min(1.0, 1 / scale))
    small = exps([-2 * (scale * z) for z in nodes])
    squares = [((1 - e) / (1 + e)) * ((1 - e) / (1 + e)) for e in small]
    slopes = [4 * e / ((1 + e) * (1 + e)) for e in small]
    gain = 1 / fsum(w * s * s for w, s in zip(weights, slopes, strict=True))
    return gain, q - gain * fsum(w * t for w, t in zip(weights, squares, strict=True))


@lru_cache(maxsize=4)
def _half_gaussian(narrowest: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return nodes and weights for the mean over |z|, z standard normal, in panels that widen with
    the distance from 0.
    """
    cuts = [0.0, narrowest]
    while cuts[-1] < MAX_DEVIATIONS:
        cuts.append(min(MAX_DEVIATIONS, cuts[-1] + min(1.0, cuts[-1])))
    nodes = list(points(list(pairwise(cuts))))
    density = exps([-(z * z) / 2 for z, _ in nodes])
    raw = [weight * d for (_, weight), d in zip(nodes, density, strict=True)]
    total = fsum(raw)
    return tuple(z for z, _ in nodes), tuple(weight / total for weight in raw)


def density(places: Sequence[Point], of: Callable[[list[float]], list[float]]) -> list[Point]:
    """Multiply the weights of points by a density."""
    values = of([place for place, _ in places])
    return [(place, weight * d) for (place, weight), d in zip(places, values, strict=True)]
