"""The starts of each kind of network, as specs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Init = str | dict[str, Any]


def _parts(weight_hh: Any, bias: Any, weight_ih: Any = "xavier_uniform") -> Init:
    return {"weight_ih": weight_ih, "weight_hh": weight_hh, "bias": bias}


def _forget(value: float) -> dict[str, Any]:
    return {"scheme": "forget", "value": value}


def _chrono(t_max: int) -> dict[str, Any]:
    return {"scheme": "chrono", "t_max": t_max}


def _plain(weight_hh: Any) -> Init:
    return _parts(weight_hh, "zeros")


def gated(seq_len: int) -> dict[str, Init]:
    """Return the starts of LSTMs and GRUs; chrono's depend on the length of the task."""
    return {
        "pytorch": "pytorch",
        "xavier": "xavier_uniform",
        "all orthogonal": "orthogonal",
        "keras": "keras",
        "haiku": "haiku",
        "pytorch, forget 1": {"preset": "pytorch", "bias": _forget(1)},
        "forget 1": _parts("orthogonal", _forget(1)),
        "forget 3": _parts("orthogonal", _forget(3)),
        "forget -2": _parts("orthogonal", _forget(-2)),
        "chrono L": _parts("orthogonal", _chrono(seq_len)),
        "xavier, chrono 10 L": _parts("xavier_uniform", _chrono(10 * seq_len)),
        "ugi": _parts("orthogonal", "ugi"),
        "critical": _parts("critical", "zeros"),
        "normal 0.01": {"scheme": "normal", "std": 0.01},
        "normal 0.3": {"scheme": "normal", "std": 0.3},
        "randn": {"scheme": "numpy_randn", "scale": 1.0},
    }


def plain(kind: str) -> dict[str, Init]:
    """Return the starts of plain RNNs."""
    specific = {"tanh": "critical", "relu": "np_rnn"}[kind]
    return {
        "pytorch": "pytorch",
        "xavier": "xavier_uniform",
        "orthogonal": _plain("orthogonal"),
        "orthogonal 0.8": _plain({"scheme": "orthogonal", "gain": 0.8}),
        "orthogonal 1.2": _plain({"scheme": "orthogonal", "gain": 1.2}),
        "kaiming": "kaiming_normal",
        "irnn": _parts("identity", "zeros", {"scheme": "normal", "std": 0.001}),
        "identity": _plain("identity"),
        "identity 0.01": _plain({"scheme": "identity", "gain": 0.01}),
        "radius 0.5": _plain({"scheme": "spectral_radius", "radius": 0.5}),
        "radius 0.99": _plain({"scheme": "spectral_radius", "radius": 0.99}),
        "radius 1.5": _plain({"scheme": "spectral_radius", "radius": 1.5}),
        "rotation": _plain("henaff_rotation"),
        "normal 0.01": {"scheme": "normal", "std": 0.01},
        "randn": {"scheme": "numpy_randn", "scale": 1.0},
        specific: _plain(specific),
    }


def starts(kind: str, seq_len: int) -> Mapping[str, Init]:
    """Return the sixteen starts of a kind of network: `lstm`, `gru`, `tanh` or `relu`."""
    return gated(seq_len) if kind in ("lstm", "gru") else plain(kind)


def network(kind: str) -> dict[str, Any]:
    """Return the fields of a spec that select a kind of network."""
    if kind in ("lstm", "gru"):
        return {"rnn_type": kind}
    return {"rnn_type": "rnn", "nonlinearity": kind}
