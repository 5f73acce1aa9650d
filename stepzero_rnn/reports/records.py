"""What a report shows of one start."""

from __future__ import annotations

from dataclasses import dataclass, replace

from stepzero_rnn.diagnostics.results import Diagnostics
from stepzero_rnn.plan import Plan
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.summary import Summary, TensorSummary

SHOWN_CELLS = 8  # layers times directions whose weights are drawn and listed


@dataclass(frozen=True, slots=True)
class Measured:
    """One start, and everything that was measured of it.

    `summary` has the details of the first `SHOWN_CELLS` cells only; `sha256` is that of the
    `.safetensors` file.
    """

    plan: Plan
    summary: Summary
    diagnostics: Diagnostics
    sha256: str
    torch: str

    @property
    def spec(self) -> Spec:
        return self.plan.spec

    @property
    def recipe(self) -> str:
        return self.diagnostics.recipe

    def tensors_of(self, layer: int, *, reverse: bool) -> list[TensorSummary]:
        """Return the tensors of one layer and direction."""
        names = {t.name for t in self.plan.tensors if (t.layer, t.reverse) == (layer, reverse)}
        return [tensor for tensor in self.summary.weights.tensors if tensor.name in names]


def shown_layers(spec: Spec) -> int:
    """Return how many layers, from the first, are shown in detail."""
    return min(spec.num_layers, SHOWN_CELLS // spec.directions)


def shortened(summary: Summary, spec: Spec) -> Summary:
    """Return a summary without the details of layers that no report shows."""
    count = shown_layers(spec)
    weights, forward = summary.weights, summary.forward
    return replace(
        summary,
        weights=replace(weights, tensors=[t for t in weights.tensors if t.layer < count]),
        forward=replace(forward, layers=[c for c in forward.layers if c.layer < count]),
    )
