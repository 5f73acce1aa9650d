"""Gradient reach: the size of the derivative of the final state with respect to earlier inputs.

`G_t = sqrt(mean ‖∂(v·h_T)/∂x_t‖²)` over sequences and probes v ~ N(0, I), whose expectation is
E G_t² = ‖∂h_T/∂x_t‖²_F.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp, isfinite, log, log10

import torch
from torch import Tensor

from stepzero_rnn.diagnostics.display import finite, shown_steps
from stepzero_rnn.diagnostics.measuring.inputs import standard_normal
from stepzero_rnn.diagnostics.results import Gradient
from stepzero_rnn.diagnostics.score import OVERFLOW_LOG10, reach_at

MAX_STEPS_SHOWN = 128
LEAST = 1e-150


def final_probes(y: Tensor, state_size: int, probes: int) -> list[Tensor]:
    """Return v, for each probe, as gradients with respect to the last layer's output.

    Args:
        y: the output, (T, sequences, features); v is nonzero at the last step, in the forward
            direction.
    """
    drawn = standard_normal("probes", probes, y.shape[1], state_size).to(y)
    gradients = []
    for v in drawn:
        gradient = torch.zeros_like(y)
        gradient[-1, :, :state_size] = v
        gradients.append(gradient)
    return gradients


@dataclass(slots=True)
class Reach:
    """Log₁₀ of the gradient's size: by step for the first layer, in all for each layer."""

    by_depth: list[float] = field(default_factory=list)
    by_step: list[float] = field(default_factory=list)

    def add(self, gradients: Sequence[Tensor]) -> None:
        """Take the gradients with respect to the input of the next layer below."""
        squares = torch.stack(
            [one.cpu().double().square().sum(2).mean(1) for one in gradients]
        ).mean(0)
        self.by_step = [_log10(value) for value in squares.sqrt().tolist()]
        self.by_depth.insert(0, _log10(squares.sum().sqrt().item()))

    def result(self, needed_length: int, sequences: int, probes: int) -> tuple[float, Gradient]:
        """Return log₁₀ of the reach, which is 150 if it overflows, and the record."""
        reach = reach_at(self.by_step, needed_length)
        steps = shown_steps(len(self.by_step), MAX_STEPS_SHOWN)
        return reach, Gradient(
            log10_reach=_known(reach),
            growth_per_step=self._growth(needed_length),
            steps=steps,
            log10_by_step=[_known(self.by_step[step]) for step in steps],
            log10_by_depth=[_known(value) for value in self.by_depth],
            sequences=sequences,
            probes=probes,
        )

    def _growth(self, needed_length: int) -> float | None:
        decades = self.by_step[-needed_length] - self.by_step[-1]
        if needed_length == 1 or abs(decades) >= OVERFLOW_LOG10 / 2:
            return None
        return finite(exp(decades * log(10) / (needed_length - 1)))


def _log10(value: float) -> float:
    return log10(max(value, LEAST)) if isfinite(value) else OVERFLOW_LOG10


def _known(value: float) -> float | None:
    return None if value >= OVERFLOW_LOG10 else finite(value)
