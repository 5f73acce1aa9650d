"""The network under diagnosis, one layer in memory at a time.

Going back from the last layer to the first needs the weights again: small networks are kept, large
ones are drawn a second time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from stepzero_rnn.diagnostics.measuring import recurrence
from stepzero_rnn.diagnostics.measuring.recurrence import Recurrence
from stepzero_rnn.engine.check.check import judge_weights
from stepzero_rnn.engine.draw import Sampler, Stored
from stepzero_rnn.engine.tensors import as_tensor
from stepzero_rnn.plan import Plan, TensorPlan
from stepzero_rnn.thresholds import HELD_LAYERS_BYTES

Drawn = Mapping[str, Stored]


class NetworkWeights:
    """Draws the layers of a plan, and places them on a device for computation.

    Weights are rounded to the recipe's dtype.  Arithmetic is float64 for float64, else float32:
    16-bit arithmetic would lose gradients that 16-bit training with scaled losses keeps.
    """

    def __init__(self, plan: Plan, sampler: Sampler, device: torch.device) -> None:
        self.plan, self._sampler, self._device = plan, sampler, device
        self.dtype = torch.float64 if plan.spec.dtype == "float64" else torch.float32
        self._layers = [*plan.layers()]
        self._is_small = plan.size_bytes <= HELD_LAYERS_BYTES
        self._held: dict[int, list[Recurrence]] = {}

    def draw(self, layer: int) -> tuple[Sequence[TensorPlan], Drawn]:
        """Draw the tensors of a layer.

        Raises:
            NonfiniteOutput: a weight is not finite, and the spec does not accept that.
        """
        tensors = self._layers[layer]
        drawn = {tensor.name: self._sampler.tensor(tensor) for tensor in tensors}
        for tensor in tensors:
            values = as_tensor(drawn[tensor.name], tensor)
            nonfinite = values.numel() - int(values.isfinite().sum().item())
            judge_weights(self.plan, tensor, nonfinite)
        return tensors, drawn

    def placed(self, layer: int, tensors: Sequence[TensorPlan], drawn: Drawn) -> list[Recurrence]:
        """Return a layer's directions on the device; the last layer is held until it is dropped."""
        parameters = {
            t.name: as_tensor(drawn[t.name], t).to(self._device, self.dtype) for t in tensors
        }
        found = recurrence.of_layer(self.plan.spec, layer, parameters, self._sampler.stop)
        if self._is_small or layer == len(self._layers) - 1:
            self._held[layer] = found
        return found

    def again(self, layer: int) -> list[Recurrence]:
        """Return a layer on the way back, and drop it."""
        held = self._held.pop(layer, None)
        if held is not None:
            return held
        tensors, drawn = self.draw(layer)
        found = self.placed(layer, tensors, drawn)
        self._held.pop(layer, None)
        return found

    def place(self, x: Tensor) -> Tensor:
        """Move inputs to the device."""
        return x.to(self._device, self.dtype)
