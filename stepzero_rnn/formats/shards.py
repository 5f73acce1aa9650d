"""The parts of a large checkpoint, split as the Hugging Face Hub splits its own.

Source:
    huggingface_hub 2.4, `serialization/_base.py`, `split_state_dict_into_shards_factory`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from stepzero_rnn.plan import Plan, TensorPlan

MAX_SHARD_BYTES = 5 * 10**9  # entity tags of shards rely on it: it never changes


@dataclass(frozen=True, slots=True)
class Shard:
    """Some tensors of a plan, in `state_dict` order, as the file `model-{part}.safetensors`."""

    part: str
    tensors: tuple[TensorPlan, ...]

    @property
    def file_name(self) -> str:
        return f"model-{self.part}.safetensors"


def shards(plan: Plan) -> tuple[Shard, ...]:
    """Split a plan into several shards; return none if one file is enough."""
    groups = _groups(plan.tensors)
    if len(groups) == 1:
        return ()
    count = len(groups)
    return tuple(
        Shard(f"{number:05d}-of-{count:05d}", tuple(group))
        for number, group in enumerate(groups, 1)
    )


def index_json(plan: Plan, parts: Sequence[Shard]) -> str:
    """Return the text of `model.safetensors.index.json`."""
    weight_map = {tensor.name: shard.file_name for shard in parts for tensor in shard.tensors}
    index = {
        "metadata": {"total_size": plan.size_bytes},
        "weight_map": {tensor.name: weight_map[tensor.name] for tensor in plan.tensors},
    }
    return json.dumps(index, indent=2)


def _groups(tensors: Sequence[TensorPlan]) -> list[list[TensorPlan]]:
    """Group tensors in order.

    A tensor above the limit stands alone, before the group that is open at its turn.
    """
    groups: list[list[TensorPlan]] = []
    current: list[TensorPlan] = []
    current_bytes = 0
    for tensor in tensors:
        if tensor.size_bytes > MAX_SHARD_BYTES:
            groups.append([tensor])
            continue
        if current_bytes + tensor.size_bytes > MAX_SHARD_BYTES:
            groups.append(current)
            current, current_bytes = [], 0
        current.append(tensor)
        current_bytes += tensor.size_bytes
    return [*groups, current] if current else groups
