"""Pools the figures of each gate of each kind of parameter over layers and directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import fsum, isfinite, sqrt

from stepzero_rnn.plan import Plan
from stepzero_rnn.summary import Figures, ParameterTotal, Real, TensorSummary


def totals(plan: Plan, tensors: Sequence[TensorSummary]) -> list[ParameterTotal]:
    """Pool the figures of each kind and gate."""
    pools: dict[tuple[str, str], list[Figures]] = {}
    for planned, tensor in zip(plan.tensors, tensors, strict=True):
        for gate in tensor.gates:
            pools.setdefault((planned.kind, gate.gate), []).append(gate.figures)
    return [_total(kind, gate, pool) for (kind, gate), pool in pools.items()]


def _total(kind: str, gate: str, pool: Sequence[Figures]) -> ParameterTotal:
    elements = sum(figures.elements for figures in pool)
    mean = _sum(pool, lambda f: None if f.mean is None else f.mean * f.elements / elements)
    second = _sum(pool, lambda f: _square(f.mean, f.std, f.elements / elements))
    squares = _sum(pool, lambda f: None if f.norm is None else f.norm * f.norm)
    expected = {figures.expected_std for figures in pool}
    return ParameterTotal(
        parameter=kind,
        gate=gate,
        tensors=len(pool),
        elements=elements,
        mean=mean,
        std=None if mean is None or second is None else sqrt(max(second - mean * mean, 0.0)),
        expected_std=expected.pop() if len(expected) == 1 else None,
        min=_extreme(min, [figures.min for figures in pool]),
        max=_extreme(max, [figures.max for figures in pool]),
        norm=None if squares is None else sqrt(squares),
        fraction_zero=fsum(f.fraction_zero * f.elements for f in pool) / elements,
        nonfinite=sum(figures.nonfinite for figures in pool),
    )


def _square(mean: Real, std: Real, weight: float) -> Real:
    return None if mean is None or std is None else (std * std + mean * mean) * weight


def _sum(pool: Sequence[Figures], of: Callable[[Figures], Real]) -> Real:
    """Sum exactly; None if a term is missing or the sum is not finite."""
    terms = [of(figures) for figures in pool]
    try:
        total = fsum(term for term in terms if term is not None)
    except (OverflowError, ValueError):
        return None
    return total if None not in terms and isfinite(total) else None


def _extreme(choose: Callable[[list[float]], float], values: Sequence[Real]) -> Real:
    numbers = [value for value in values if value is not None]
    return choose(numbers) if len(numbers) == len(values) else None
