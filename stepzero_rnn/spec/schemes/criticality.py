"""Checks that `critical` has a solution for a network.

The network must use the fields that are set, and its gates must start below the target radius.
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
MAX_BIAS = 100.0  # beyond this a gate is saturated for good
# Between the largest bias of a gate and the bias at which the gate's value equals the radius.
MIN_BIAS_GAP = Decimal("1e-6")


def log_odds(scheme: Critical) -> Decimal | None:
    """Return the bias at which a gate's value equals the target radius; None for 1 or more."""
    with localcontext(prec=DIGITS):
        if scheme.target_memory_steps is not None:
            log_rho = -1 / Decimal(scheme.target_memory_steps)
            return log_rho - (1 - log_rho.exp()).ln()
        rho = Decimal(1 if scheme.target_rho is None else scheme.target_rho)
        return None if rho >= 1 else (rho / (1 - rho)).ln()


def refuse_uncritical(
    scheme: Critical, rnn: Rnn, biases: dict[str, Any], hidden_size: int, field: str
) -> None:
    """Reject `critical` for a cell in which it has no solution.

    Args:
        biases: the scheme of each gate's total bias, by the gate's letter.
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
    """Return the smallest and largest initial total bias of a gate.

    The range of a normal law is taken to be 12 standard deviations to either side.
    """
    bias_range = ANY_POSITION.get(type(scheme))
    if bias_range is None and role == "retention":
        bias_range = RETENTION_BIASES.get(type(scheme))
    if bias_range is None and role == "output":
        bias_range = OUTPUTS.get(type(scheme))
    return bias_range(scheme, hidden_size) if bias_range else (0.0, 0.0)


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
# The range of the bias of any gate, of a retention gate, and of an output gate.  All other biases
# are 0, except that of an input gate tied by `chrono` or `ugi`, which mirrors the retention gate's.
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
