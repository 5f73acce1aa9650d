"""The parameters of each scheme that a group of blocks is tested for.

A scheme without a row is tested with its defaults; so a new one needs a row only if it has
parameters that the values determine.  An estimate is the shortest decimal that the values allow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from math import log, pi, sqrt

from stepzero_rnn.identification.estimates import (
    EDGE,
    ERRORS,
    Fields,
    bounds,
    likeliest,
    mean_std,
)
from stepzero_rnn.identification.evidence import Group
from stepzero_rnn.identification.numbers import ROUND_DIGITS, between, digits_of, near
from stepzero_rnn.spec.schemes.unions import WEIGHT_SCHEMES

EXACT = 2e-5  # relative error of what a matrix fixes exactly
MAX_MARGIN = 0.5  # of singular values that are in a band: most matrices have such around 1
SCOPES = ("gate", "fused")


def weight_schemes(group: Group) -> Iterator[Fields]:
    """Yield the weight schemes to test."""
    for name in WEIGHT_SCHEMES:
        rows = WEIGHTS.get(name, _defaults)(group)
        yield from ({"scheme": name, **fields} for fields in rows)


def _defaults(_: Group) -> Iterator[Fields]:
    yield {}


def _none(_: Group) -> Iterator[Fields]:
    yield from ()


def _fixed(*rows: Fields) -> Callable[[Group], Iterator[Fields]]:
    return lambda _: iter(rows)


_GAINS = (1.0, 5 / 3, sqrt(2))
_XAVIER: tuple[Fields, ...] = (
    *({"gain": gain} for gain in _GAINS),
    {"scope": "fused"},
    {"fans": "joint"},
    {"fans": "joint", "scope": "fused"},
    {"fans": "joint_pair"},
)
_SLOPES: tuple[Fields, ...] = (
    {},
    {"a": sqrt(5)},
    *({"nonlinearity": name} for name in ("linear", "tanh", "selu")),
)
_MODES: tuple[Fields, ...] = (
    {},
    {"mode": "fan_out"},
    {"mode": "fan_out", "scope": "fused"},
)
_KAIMING: tuple[Fields, ...] = tuple({**slope, **mode} for slope in _SLOPES for mode in _MODES)
_DISTRIBUTIONS: tuple[Fields, ...] = (
    {},
    {"fans": "joint"},
    {"std_correct": False},
    {"std_correct": False, "fans": "joint"},
    {"distribution": "uniform"},
    {"distribution": "normal"},
)
_SCALINGS: tuple[Fields, ...] = tuple(
    {"scale": scale, "mode": mode, **distribution}
    for scale, mode, distribution in product(
        (1.0, 2.0), ("fan_in", "fan_out", "fan_avg"), _DISTRIBUTIONS
    )
)


def _uniform(group: Group) -> Iterator[Fields]:
    yield from bounds(group.moments, group.rounding)


def _normal(group: Group) -> Iterator[Fields]:
    yield from mean_std(group.moments)


def _trunc_normal(group: Group) -> Iterator[Fields]:
    """Yield the default; another std, of which the largest of many elements is twice; and any
    cuts, with the likeliest mean and std between them.
    """
    yield {}
    found = group.moments
    half = found.reach / 2
    if half and found.count > 100:
        room = EDGE / (2 * 0.1131 * found.count)  # twice the density of |z| at its edge
        yield {"std": between(half * (1 - 2 * group.rounding), half * (1 + room))}
    for fields in bounds(found, group.rounding):
        cut = {**fields, **likeliest(found, fields)}
        if max(map(digits_of, cut.values())) <= ROUND_DIGITS:  # else it fits almost anything
            yield {**cut, "bounds": "absolute"}


def _constant(group: Group) -> Iterator[Fields]:
    if group.moments.is_constant:
        yield {"value": group.moments.low}


def _identity(group: Group) -> Iterator[Fields]:
    for structure, scope in ((group.structure, "gate"), (group.stacked, "fused")):
        if structure and structure.corner[0]:
            yield {"gain": _exact(structure.corner[0], group), "scope": scope}


def _scaled_identity(group: Group) -> Iterator[Fields]:
    if group.structure.corner[0]:
        yield {"alpha": _exact(group.structure.corner[0], group)}


def _chain(group: Group) -> Iterator[Fields]:
    yield {"alpha": _exact(group.structure.corner[1], group)}


def _fbchain(group: Group) -> Iterator[Fields]:
    _, above, below, _ = group.structure.corner
    yield {"alpha": _exact(above, group), "beta": _exact(below, group)}


def _ramp(group: Group) -> Iterator[Fields]:
    candidate, other = group.of_role("candidate"), group.of_role("write")
    if candidate and other:
        end = _exact(other.corner[3], group)
        yield {"alpha": _exact(candidate.corner[1], group), "end": end}


def _orthogonal(group: Group) -> Iterator[Fields]:
    for structure, scope in ((group.structure, "gate"), (group.stacked, "fused")):
        if structure and structure.gain:
            gain = near(structure.gain, structure.gain * max(EXACT, 4 * group.rounding))
            yield from ({"gain": fixed, "scope": scope} for fixed in _GAINS)
            yield {"gain": gain, "scope": scope}
    if group.structure.gain:
        yield {"determinant": "+1"}


def _lsuv(_: Group) -> Iterator[Fields]:
    """Yield the default probe, and the smallest one, whose gain is the least certain."""
    yield from ({"scope": scope, **probe} for scope in SCOPES for probe in ({}, {"probe": 16}))


def _spectral_band(group: Group) -> Iterator[Fields]:
    for structure, scope in ((group.structure, "gate"), (group.stacked, "fused")):
        margin = structure.margin if structure else None
        if margin and EXACT < margin <= MAX_MARGIN and structure and not structure.gain:
            short = min(group.blocks[0].values.rows, group.blocks[0].values.cols) * structure.count
            yield {
                "margin": min(between(margin, margin * (1 + EDGE / short)), 1.0),
                "scope": scope,
            }


def _sparse(group: Group) -> Iterator[Fields]:
    values = group.blocks[0].values
    cases = [("in", values.cols, group.structure, "gate")]
    cases += [("out", values.rows, group.structure, "gate")]
    if group.stacked:
        rows = len(group.rnn.letters) * values.rows
        cases += [("out", rows, group.stacked, "fused")]
    for axis, count, structure, scope in cases:
        zeros = structure.zeros[axis == "out"]
        if zeros and structure.nonzero:
            sparsity = between((zeros - 1 + 1e-6) / count, zeros / count)
            for fields in mean_std(structure.nonzero):
                yield {"sparsity": sparsity, "std": fields["std"], "axis": axis, "scope": scope}


def _fsi(group: Group) -> Iterator[Fields]:
    """Yield radii whose bound is just outside the extremes of the nonzero elements."""
    cols, zeros = group.blocks[0].values.cols, group.structure.zeros[0] or 0
    found = group.structure.nonzero if zeros else group.moments
    kept = cols - zeros
    if found and found.reach and kept:
        scale = sqrt(kept / 3)
        reach, room = found.reach * scale, 2 * EDGE * found.reach * scale / found.count
        radius = between(reach * (1 - 2 * group.rounding), reach + room)
        if zeros:
            connectivity = between((kept - 1 + 1e-6) / cols, kept / cols)
            yield {"radius": radius, "connectivity": connectivity}
        elif radius == float(f"{radius:.3g}"):  # else it is any uniform law
            yield {"radius": radius}


def _spectral_radius(group: Group) -> Iterator[Fields]:
    found = group.structure
    if not found.radius:
        return
    radius = near(found.radius, found.radius * max(3e-6, 2 * group.rounding))
    zeros = found.zeros[0]
    yield {"radius": radius, "kind": "ring"}
    if digits_of(radius) > 3:
        return  # every matrix has a radius
    if zeros:
        connections = group.blocks[0].values.cols - zeros
        yield {"radius": radius, "kind": "sparse", "connections": connections}
    else:
        yield {"radius": radius, "kind": "dense"}


def _skew(group: Group) -> Iterator[Fields]:
    """Yield the paper's step of 0.01: only its products with std and gamma can be estimated."""
    found, size = group.structure, group.blocks[0].values.rows
    if found.skew and found.gain and found.gain <= 1 + EXACT:
        yield {}
        scale = found.skew * sqrt(size / 2)
        error = ERRORS / size
        decay = max(-log(found.gain), 0.0)
        for epsilon in (0.01, 0.1, 1.0):
            gamma = near(decay / epsilon, max(EXACT, 4 * group.rounding) / epsilon)
            std = near(scale / epsilon, error * scale / epsilon)
            if std <= 16:
                yield {"epsilon": epsilon, "gamma": max(gamma, 0.0), "std": std}


def _ring_spectrum(group: Group) -> Iterator[Fields]:
    yield {}
    yield {"basis": "random"}
    found = group.structure
    for radii, basis in ((found.radii, "blocks"), (found.ring, "random")):
        if radii:
            low, high = radii
            room = _edge(high - low, group)
            slack = EXACT * high
            yield {
                "r_min": max(between(low - room - slack, low + slack), 0.0),
                "r_max": between(high - slack, high + room + slack),
                "basis": basis,
            }


def _cayley_rotation(group: Group) -> Iterator[Fields]:
    yield {}
    if group.structure.angles:
        low, high = group.structure.angles
        room = _edge(high - low, group)
        least, most = max(low - room, -pi), min(high + room, pi)
        yield {"low": max(between(least, low), -pi), "high": min(between(high, most), pi)}


def _edge(width: float, group: Group) -> float:
    """Return how far outside the extremes of pairs of units their bounds may be."""
    pairs = group.blocks[0].values.rows / 2 * group.structure.count
    return EDGE * width / pairs


def _exact(value: float, group: Group) -> float:
    """Return the shortest decimal that rounds to a value."""
    return near(value, 2 * group.rounding * abs(value))


WEIGHTS: Mapping[str, Callable[[Group], Iterator[Fields]]] = {
    "uniform": _uniform,
    "normal": _normal,
    "trunc_normal": _trunc_normal,
    "constant": _constant,
    "array": _none,
    "identity": _identity,
    "xavier_uniform": _fixed(*_XAVIER),
    "xavier_normal": _fixed(*_XAVIER),
    "kaiming_uniform": _fixed(*_KAIMING),
    "kaiming_normal": _fixed(*_KAIMING),
    "lecun_uniform": _fixed({}, {"fans": "joint"}),
    "lecun_normal": _fixed({}, {"fans": "joint"}),
    "variance_scaling": _fixed(*_SCALINGS),
    "random_walk": _fixed(
        *(
            {"nonlinearity": name, "mode": mode}
            for name, mode in product(("tanh", "linear", "relu"), ("fan_in", "fan_out"))
        )
    ),
    "hadamard": _fixed({}, {"scope": "fused"}),
    "orthogonal": _orthogonal,
    "sparse": _sparse,
    "scaled_identity": _scaled_identity,
    "chain": _chain,
    "fbchain": _fbchain,
    "ramp": _ramp,
    "cayley_rotation": _cayley_rotation,
    "fsi": _fsi,
    "spectral_band": _spectral_band,
    "lsuv": _lsuv,
    "spectral_radius": _spectral_radius,
    "skew": _skew,
    "ring_spectrum": _ring_spectrum,
}
