"""Starts that are worth trying, by kind of network.

They won in the validation, or are what people use; `docs/diagnostics.md` has the results.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stepzero_rnn.errors import InvalidSpec
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.parse import parse

Init = str | dict[str, Any]
GATED, TANH, RELU = ("lstm", "gru"), ("tanh",), ("relu",)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A start: its label, the kinds of network it is for, and its init for a dependency length."""

    label: str
    kinds: tuple[str, ...]
    init: Callable[[int], Init]


def _orthogonal(**bias: Any) -> Init:
    """Return Xavier input weights, orthogonal recurrent weights per gate, and a bias scheme."""
    return {"weight_ih": "xavier_uniform", "weight_hh": "orthogonal", "bias": bias}


def _xavier_and(weight_hh: Any) -> Init:
    return {"weight_ih": "xavier_uniform", "weight_hh": weight_hh, "bias": "zeros"}


def _chrono(t_max: int) -> Mapping[str, Any]:
    return {"scheme": "chrono", "t_max": max(t_max, 2)}


CANDIDATES: tuple[Candidate, ...] = (
    Candidate("pytorch", (*GATED, *TANH, *RELU), lambda _: "pytorch"),
    Candidate("keras", GATED, lambda _: "keras"),
    Candidate("haiku", GATED, lambda _: "haiku"),
    Candidate("orthogonal", GATED, lambda _: _orthogonal(scheme="zeros")),
    Candidate("forget 1", GATED, lambda _: _orthogonal(scheme="forget", value=1)),
    Candidate("forget 3", GATED, lambda _: _orthogonal(scheme="forget", value=3)),
    Candidate("forget -2", GATED, lambda _: _orthogonal(scheme="forget", value=-2)),
    Candidate("chrono L", GATED, lambda length: _orthogonal(**_chrono(length))),
    Candidate("chrono 10 L", GATED, lambda length: _orthogonal(**_chrono(10 * length))),
    Candidate("ugi", GATED, lambda _: _orthogonal(scheme="ugi")),
    Candidate("orthogonal", (*TANH, *RELU), lambda _: _xavier_and("orthogonal")),
    Candidate(
        "orthogonal 1.2",
        (*TANH, *RELU),
        lambda _: _xavier_and({"scheme": "orthogonal", "gain": 1.2}),
    ),
    Candidate("rotation", (*TANH, *RELU), lambda _: _xavier_and("henaff_rotation")),
    Candidate("identity", (*TANH, *RELU), lambda _: _xavier_and("identity")),
    Candidate("kaiming", (*TANH, *RELU), lambda _: "kaiming_normal"),
    Candidate(
        "radius 0.99",
        (*TANH, *RELU),
        lambda _: _xavier_and({"scheme": "spectral_radius", "radius": 0.99}),
    ),
    Candidate(
        "radius 0.5",
        (*TANH, *RELU),
        lambda _: _xavier_and({"scheme": "spectral_radius", "radius": 0.5}),
    ),
    Candidate("np_rnn", RELU, lambda _: _xavier_and("np_rnn")),
)


def kind_of(spec: Spec) -> str:
    """Return `lstm`, `gru`, or a plain RNN's nonlinearity."""
    return (spec.nonlinearity or "tanh") if spec.rnn_type == "rnn" else spec.rnn_type


def candidates_for(spec: Spec, dependency_length: int) -> dict[str, Spec]:
    """Return the starts defined for a network, by label, with the spec's seed."""
    kind = kind_of(spec)
    each = {c.label: _start(spec, c.init(dependency_length)) for c in CANDIDATES if kind in c.kinds}
    return {label: start for label, start in each.items() if start is not None}


def _start(spec: Spec, init: Init) -> Spec | None:
    """Return the network with another init; None if that is undefined for it."""
    if isinstance(init, dict) and not spec.bias:
        if init["bias"] not in ("zeros", {"scheme": "zeros"}):
            return None
        init = {part: scheme for part, scheme in init.items() if part != "bias"}
    fields = {name: getattr(spec, name) for name in spec.model_fields_set - {"init"}}
    try:
        return parse(Spec, {**fields, "init": init})
    except InvalidSpec:
        return None
