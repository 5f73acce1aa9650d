"""The whole network in memory, as `torch.nn.Module.state_dict` gives one."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor

from app.engine.draw import Artist
from app.engine.tensors import as_tensor
from app.plan import Plan
from app.spec.canonical import STREAM_VERSION, canonical_json


def state_dict(plan: Plan, artist: Artist) -> OrderedDict[str, Tensor]:
    """Draw every tensor of a plan.  `torch.save` of the result writes the service's `.pt` file."""
    drawn = OrderedDict((t.name, as_tensor(artist.tensor(t), t)) for t in plan.tensors)
    recipe = {"version": STREAM_VERSION, "recipe": canonical_json(plan.spec)}
    metadata = OrderedDict([("", {"version": 1}), ("stepzero", recipe)])
    drawn._metadata = metadata  # type: ignore[attr-defined]
    return drawn
