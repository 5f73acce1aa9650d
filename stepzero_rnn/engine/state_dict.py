"""Draws a whole network into memory, in the form of `torch.nn.Module.state_dict`."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor

from stepzero_rnn.engine.check.check import judge_weights
from stepzero_rnn.engine.draw import Sampler
from stepzero_rnn.engine.tensors import as_tensor
from stepzero_rnn.plan import Plan
from stepzero_rnn.spec.canonical import STREAM_VERSION, canonical_json


def state_dict(plan: Plan, sampler: Sampler) -> OrderedDict[str, Tensor]:
    """Draw every tensor of a plan.  `torch.save` of the result writes the service's `.pt` file.

    Raises:
        NonfiniteOutput: a weight is not finite in its dtype, and the spec does not accept that.
    """
    drawn = OrderedDict((t.name, as_tensor(sampler.tensor(t), t)) for t in plan.tensors)
    for tensor in plan.tensors:
        judge_weights(plan, tensor, _nonfinite(drawn[tensor.name]))
    recipe = {"version": STREAM_VERSION, "recipe": canonical_json(plan.spec)}
    metadata = OrderedDict([("", {"version": 1}), ("stepzero", recipe)])
    drawn._metadata = metadata  # type: ignore[attr-defined]
    return drawn


def _nonfinite(tensor: Tensor) -> int:
    """Return the number of values that are not finite; copies only if there are any."""
    extremes = torch.stack(tensor.aminmax())
    return 0 if bool(extremes.isfinite().all()) else int(tensor.isfinite().logical_not().sum())
