"""The parameters of each bias scheme that a group of blocks is tested for, as in `proposals.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import exp

from stepzero_rnn.identification.estimates import EDGE, Fields, bounds, mean_std
from stepzero_rnn.identification.evidence import Group
from stepzero_rnn.identification.numbers import between, near
from stepzero_rnn.spec.schemes.unions import BIAS_SCHEMES


def bias_schemes(group: Group) -> Iterator[Fields]:
    """Yield the bias schemes to test."""
    for name in BIAS_SCHEMES:
        rows = BIASES.get(name, _defaults)(group)
        yield from ({"scheme": name, **fields} for fields in rows)


def _defaults(_: Group) -> Iterator[Fields]:
    yield {}


def _none(_: Group) -> Iterator[Fields]:
    yield from ()


def _constant_bias(group: Group) -> Iterator[Fields]:
    if group.total.is_constant:
        yield {"value": group.total.low, **_split(group)}


def _uniform_bias(group: Group) -> Iterator[Fields]:
    found = group.moments if group.split == "each" else group.total
    yield from ({**ends, "split": group.split} for ends in bounds(found, group.rounding))


def _normal_bias(group: Group) -> Iterator[Fields]:
    found = group.moments if group.split == "each" else group.total
    yield from ({**fields, "split": group.split} for fields in mean_std(found))


def _forget(group: Group) -> Iterator[Fields]:
    keeps = group.totals.get("retention")
    if keeps and keeps.is_constant:
        yield {"value": keeps.low, **_split(group)}


def _chrono(group: Group) -> Iterator[Fields]:
    """Yield times whose logarithms are just outside the extremes of the retention gate's totals."""
    keeps = group.totals.get("retention")
    if keeps is None or not keeps.low > -1 or keeps.high > 21:
        return
    low, high = exp(keeps.low) + 1, exp(keeps.high) + 1
    room, slack = EDGE * (high - low) / keeps.count, 4 * group.rounding * high + 1e-6
    t_max = between(high - slack, high + room + slack)
    if low - room - slack <= 2:
        yield {"t_max": t_max, **_split(group)}
    else:
        yield {"t_max": t_max, "t_min": between(low - room - slack, low), **_split(group)}


def _tied_chrono(group: Group) -> Iterator[Fields]:
    if group.is_tied:
        yield from _chrono(group)


def _ugi(group: Group) -> Iterator[Fields]:
    yield _split(group)
    if group.is_tied:
        yield {"tied": True, **_split(group)}


def _out_gate_ladder(group: Group) -> Iterator[Fields]:
    """Yield the step that the first block of units has, and as many blocks as the last has."""
    found = group.totals.get("output")
    if found and found.high < 0:
        step = near(-found.high, 4 * group.rounding * -found.high)
        blocks = round(found.low / found.high)
        if 1 <= blocks <= found.count:
            yield {"step": step, "blocks": blocks, **_split(group)}


def _split(group: Group) -> Fields:
    return {"split": "half" if group.split == "each" else group.split}


BIASES: Mapping[str, Callable[[Group], Iterator[Fields]]] = {
    "constant": _constant_bias,
    "array": _none,
    "uniform": _uniform_bias,
    "normal": _normal_bias,
    "forget": _forget,
    "chrono": _tied_chrono,
    "chrono_forget_only": _chrono,
    "ugi": _ugi,
    "out_gate_ladder": _out_gate_ladder,
}
