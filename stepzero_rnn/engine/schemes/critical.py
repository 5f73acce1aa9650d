"""The law of a block with scheme `critical`.

In a plain RNN it follows from the nonlinearity, in a gated one from the cell's gate biases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import pairwise
from math import inf, sqrt
from typing import Any, NamedTuple

from stepzero_rnn.engine.elements.distributions import Normal
from stepzero_rnn.engine.laws.criticality import (
    MAX_DEVIATIONS,
    GateLaw,
    Point,
    density,
    exps,
    gate_of,
    gru_gain,
    lstm_gain,
    panels,
    points,
    tanh_gain,
)
from stepzero_rnn.engine.laws.orthogonal import Orthogonal
from stepzero_rnn.engine.words.rounding import single
from stepzero_rnn.engine.words.scalars import log, steps_gap
from stepzero_rnn.plan import Block
from stepzero_rnn.spec.base import InitScheme
from stepzero_rnn.spec.networks import Role
from stepzero_rnn.spec.schemes import biases as ask
from stepzero_rnn.spec.schemes.criticality import log_odds
from stepzero_rnn.spec.schemes.inline import ArrayBias
from stepzero_rnn.spec.schemes.matrices import Critical

NARROW = 1e-9  # the square of such a standard deviation vanishes when added to 1
FEW_UNITS = 4096  # up to here a ladder's units are evaluated one by one, as literal biases are


def critical(scheme: Critical, block: Block) -> Normal | Orthogonal:
    """Return σ·Q for a plain RNN; N(0, g²/H) for a gated one's candidate, N(0, 1/H) otherwise."""
    if not block.biases:
        gain = float(single(tanh_gain(scheme.input_variance)))
        return Orthogonal(gain, block.rows, block.cols)
    gain = gated_gain(scheme, block.biases, block.rows) if block.role == "candidate" else 1.0
    return Normal(0.0, gain / sqrt(block.rows))


@lru_cache(maxsize=256)
def gated_gain(scheme: Critical, biases: tuple[tuple[Role, Any], ...], hidden_size: int) -> float:
    """Return the gain g of a cell from the bias schemes of its gates."""
    odds, by_role = log_odds(scheme), dict(biases)
    pole = inf if odds is None else float(odds)
    retention_bias = by_role["retention"]
    retention = _gate(retention_bias, At("retention", hidden_size, pole))
    if "reset" in by_role:
        return gru_gain(_gate(by_role["reset"], At("reset", hidden_size)), retention, _gap(scheme))
    write = by_role["write"]
    is_tied = (
        isinstance(write, ask.SplitScheme) and write.ties_input_gate and write == retention_bias
    )
    return lstm_gain(
        retention.mirrored if is_tied else _gate(write, At("write", hidden_size)),
        retention,
        _gate(by_role["output"], At("output", hidden_size)),
        _gap(scheme),
    )


def _gap(scheme: Critical) -> float:
    """Return 1 minus the target radius."""
    if scheme.target_memory_steps is not None:
        return steps_gap(scheme.target_memory_steps)
    return 1 - (1.0 if scheme.target_rho is None else scheme.target_rho)


class At(NamedTuple):
    """A gate's role and number of units.

    `pole` is the bias, above all of the gate's biases, at which the criterion diverges.
    """

    role: Role
    hidden_size: int
    pole: float = inf

    @property
    def keeps(self) -> bool:
        return self.role == "retention"


def _gate(scheme: Any, at: At) -> GateLaw:
    """Return the law of a gate from the scheme of its total bias."""
    by_unit = isinstance(scheme, ArrayBias) or (
        isinstance(scheme, ask.OutGateLadderBias)
        and at.role == "output"
        and at.hidden_size <= FEW_UNITS
    )
    return gate_of("unit" if by_unit else at.role, LAWS[type(scheme)](scheme, at))


def _one(bias: float) -> list[Point]:
    return [(bias, 1.0)]


def _pytorch(scheme: ask.PytorchBias, at: At) -> list[Point]:
    reach = 2 / sqrt(at.hidden_size)
    return _triangle(-reach, reach, at)


def _uniform(scheme: ask.UniformBias, at: At) -> list[Point]:
    if scheme.split == "each":  # two draws are added
        return _triangle(2 * scheme.low, 2 * scheme.high, at)
    return list(points(panels(scheme.low, scheme.high, 1.0, at.pole)))


def _triangle(low: float, high: float, at: At) -> list[Point]:
    """Return the law of the sum of two independent uniform numbers with the same range."""
    middle = (low + high) / 2
    halves = [*panels(low, middle, 1.0, at.pole), *panels(middle, high, 1.0, at.pole)]
    return density(
        list(points(halves)), lambda biases: [min(bias - low, high - bias) for bias in biases]
    )


def _normal(scheme: ask.NormalBias, at: At) -> list[Point]:
    draws = 2 if scheme.split == "each" else 1
    mean, std = draws * scheme.mean, sqrt(draws) * scheme.std
    if std < NARROW:
        return _one(mean)
    reach = MAX_DEVIATIONS * std
    places = list(points(panels(mean - reach, mean + reach, min(1.0, std), at.pole)))
    return density(
        places, lambda biases: exps([-((b - mean) / std) * ((b - mean) / std) / 2 for b in biases])
    )


def _chrono(scheme: ask.ChronoBias | ask.ChronoForgetOnlyBias, at: At) -> list[Point]:
    """Return the law of ln x for uniform x."""
    if not at.keeps:
        return _tied(scheme, at)
    low, high = log(scheme.t_min - 1), log(scheme.t_max - 1)
    if low == high:
        return _one(low)
    places = list(points(panels(low, high, 1.0, at.pole)))
    return density(places, lambda biases: exps([bias - high for bias in biases]))


def _ugi(scheme: ask.UgiBias, at: At) -> list[Point]:
    """Return the law of ln(u/(1 − u)) for uniform u."""
    if not at.keeps:
        return _tied(scheme, at)
    reach = log(at.hidden_size - 1)
    if reach == 0:
        return _one(0.0)
    places = list(points(panels(-reach, reach, 1.0, at.pole)))
    return density(
        places, lambda biases: [e / ((1 + e) * (1 + e)) for e in exps([-abs(b) for b in biases])]
    )


def _tied(scheme: ask.SplitScheme, at: At) -> list[Point]:
    """Return the law of any other gate: the retention gate's, negated, if tied to it, else 0."""
    if at.role != "write" or not scheme.ties_input_gate:
        return _one(0.0)
    retention = LAWS[type(scheme)](scheme, At("retention", at.hidden_size))
    return [(-bias, weight) for bias, weight in retention]


def _ladder(scheme: ask.OutGateLadderBias, at: At) -> list[Point]:
    """Return the law of an output gate whose blocks open in turn, by unit if there are few."""
    if at.role != "output":
        return _one(0.0)
    units = at.hidden_size
    if units <= FEW_UNITS:
        return [(-scheme.step * (unit * scheme.blocks // units + 1), 1.0) for unit in range(units)]
    begins = [-(-block * units // scheme.blocks) for block in range(scheme.blocks + 1)]
    return [
        (-scheme.step * (block + 1), float(end - begin))
        for block, (begin, end) in enumerate(pairwise(begins))
        if begin < end
    ]


LAWS: Mapping[type[InitScheme], Callable[[Any, At], list[Point]]] = {
    ask.PytorchBias: _pytorch,
    ask.ZerosBias: lambda scheme, at: _one(0.0),
    ask.ConstantBias: lambda scheme, at: _one(scheme.value),
    ArrayBias: lambda scheme, at: [(value, 1.0) for value in scheme.values],
    ask.UniformBias: _uniform,
    ask.NormalBias: _normal,
    ask.ForgetBias: lambda scheme, at: _one(scheme.value if at.keeps else 0.0),
    ask.ChronoBias: _chrono,
    ask.ChronoForgetOnlyBias: _chrono,
    ask.UgiBias: _ugi,
    ask.OutGateLadderBias: _ladder,
}
