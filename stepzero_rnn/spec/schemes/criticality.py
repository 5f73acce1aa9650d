"""Where `critical` has an answer: which of its fields a network reads, and gates that leave room
below the radius asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, localcontext
from math import sqrt
from typing import Any

from stepzero_rnn.spec.base import InitScheme, refusal
from stepzero_rnn.spec.networks import Gate, Rnn, Role
from stepzero_rnn.spec.schemes import biases as ask
from stepzero_rnn.spec.schemes.inline import ArrayBias
from stepzero_rnn.spec.schemes.matrices import Critical

DIGITS = 34
MAX_DEVIATIONS = 12  # standard deviations
MAX_BIAS = 100.0  # a gate with such a bias is open or shut for good
MIN_BIAS_GAP = Decimal(
    "1e-6"
)  # from the gates' largest bias to that of a gate as open as the radius


def log_odds(scheme: Critical) -> Decimal | None:
    """Return the bias of a gate that is as open as the radius asked for; None for a radius of 1 or
    more.
    """
    with localcontext(prec=DIGITS):
        if scheme.target_memory_steps is not None:
            least = -1 / Decimal(scheme.target_memory_steps)
            return least - (1 - least.exp()).ln()
        rho = Decimal(1 if scheme.target_rho is None else scheme.target_rho)
        return None if rho >= 1 else (rho / (1 - rho)).ln()


def refuse_uncritical(
    scheme: Critical, rnn: Rnn, biases: dict[str, Any], hidden_size: int, field: str
) -> None:
    """Refuse what a cell cannot be given.

    Args:
        biases: by gate, the scheme of the total bias.
        field: the JSON pointer of the scheme.
    """
    _refuse_unread(scheme, rnn, field)
    for gate in rnn.gates:
        if gate.role == "candidate":
            continue
        low, high = reach(biases[gate.letter], gate.role, hidden_size)
        if max(-low, high) > MAX_BIAS:
            raise refusal(
                "undefined_scheme",
                f"critical is undefined here: the bias of gate {gate.name} ranges from {low:.4g} to {high:.4g}, and beyond "
                f"±{MAX_BIAS:g} a gate is saturated, so that no gain is critical",
                field=field,
                given=scheme.name,
                allowed=f"biases within ±{MAX_BIAS:g}",
            )
        if gate.role == "retention":
            _refuse_below(scheme, biases[gate.letter], gate, high, field)


def _refuse_unread(scheme: Critical, rnn: Rnn, field: str) -> None:
    targets = [name for name in ("target_rho", "target_memory_steps") if getattr(scheme, name)]
    unread = ["input_variance"] * (scheme.input_variance > 0) if rnn.gates else targets
    for name in unread:
        raise refusal(
            "not_for_rnn_type",
            f"{rnn.name} does not use {name}: input_variance is for a plain rnn, the targets are for gated networks",
            field=f"{field}/{name}",
            given=getattr(scheme, name),
            allowed=0 if rnn.gates else None,
        )


def _refuse_below(scheme: Critical, bias: Any, gate: Gate, high: float, field: str) -> None:
    odds = log_odds(scheme)
    unbounded = isinstance(bias, ask.NormalBias) and bias.std > 0
    if odds is None or (not unbounded and odds - Decimal(high) > MIN_BIAS_GAP):
        return
    name = "target_rho" if scheme.target_memory_steps is None else "target_memory_steps"
    opens = 1.0 if unbounded else float(1 / (1 + (-Decimal(high)).exp()))
    raise refusal(
        "target_not_above_gates",
        f"gate {gate.name} starts at {opens:.6g}, and retains that much of the state whatever the other weights are",
        field=f"{field}/{name}",
        given=getattr(scheme, name),
        allowed=f"a radius above {opens:.6g}, or a smaller bias",
    )


def reach(scheme: Any, role: Role, hidden_size: int) -> tuple[float, float]:
    """Return the least and the largest total bias that a gate can start with; of a normal law,
    those of 12 standard deviations.
    """
    known = ANY_POSITION.get(type(scheme))
    if known is None and role == "retention":
        known = RETENTION_BIASES.get(type(scheme))
    if known is None and role == "output":
        known = OUTPUTS.get(type(scheme))
    return known(scheme, hidden_size) if known else (0.0, 0.0)


def _log(x: float) -> float:
    with localcontext(prec=DIGITS):
        return float(Decimal(x).ln())


def _draws(scheme: ask.SplitScheme) -> int:
    return 2 if scheme.split == "each" else 1  # which are added


def _normal(scheme: ask.NormalBias, hidden_size: int) -> tuple[float, float]:
    mean, spread = _draws(scheme) * scheme.mean, MAX_DEVIATIONS * sqrt(_draws(scheme)) * scheme.std
    return mean - spread, mean + spread


def _times(scheme: Any, hidden_size: int) -> tuple[float, float]:
    return _log(scheme.t_min - 1), _log(scheme.t_max - 1)


Reach = Callable[[Any, int], tuple[float, float]]
# How far the bias of any gate reaches, that of a keeping gate, and that of an output gate.  All
# others are 0, but for the input gate that `chrono` or `ugi` tie: it is shut as far as the keeping
# gate is open.
ANY_POSITION: Mapping[type[InitScheme], Reach] = {
    ask.PytorchBias: lambda scheme, hidden_size: (-2 / sqrt(hidden_size), 2 / sqrt(hidden_size)),
    ask.ConstantBias: lambda scheme, hidden_size: (scheme.value, scheme.value),
    ArrayBias: lambda scheme, hidden_size: (min(scheme.values), max(scheme.values)),
    ask.UniformBias: lambda scheme, hidden_size: (
        _draws(scheme) * scheme.low,
        _draws(scheme) * scheme.high,
    ),
    ask.NormalBias: _normal,
}
RETENTION_BIASES: Mapping[type[InitScheme], Reach] = {
    ask.ForgetBias: lambda scheme, hidden_size: (scheme.value, scheme.value),
    ask.ChronoBias: _times,
    ask.ChronoForgetOnlyBias: _times,
    ask.UgiBias: lambda scheme, hidden_size: (-_log(hidden_size - 1), _log(hidden_size - 1)),
}
OUTPUTS: Mapping[type[InitScheme], Reach] = {
    ask.OutGateLadderBias: lambda scheme, hidden_size: (-scheme.step * scheme.blocks, -scheme.step),
}
