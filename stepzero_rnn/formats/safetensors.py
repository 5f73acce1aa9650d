"""The `.safetensors` file: byte for byte what `safetensors.torch.save` writes.

The layout is the length of the header, the header as JSON, then all tensors without gaps:
https://github.com/huggingface/safetensors#format.  Apart from the tensors no byte depends on the
weights, so the format is the best one for streaming.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import prod

from stepzero_rnn.dtypes import DTYPES
from stepzero_rnn.formats.foreign import ForeignArray
from stepzero_rnn.formats.origin import KEY, origin_json
from stepzero_rnn.formats.segments import Literal, Segment, TensorData
from stepzero_rnn.plan import Plan, TensorPlan

_ALIGNMENT_BYTES = 8


def segments(plan: Plan, only: Sequence[TensorPlan] | None = None) -> tuple[Segment, ...]:
    """Lay out a plan.

    Args:
        only: the tensors that the file holds, if it is a shard.
    """
    tensors = plan.tensors if only is None else only
    arrays = {t.name: ForeignArray(t.shape, (TensorData(t),)) for t in tensors}
    return laid_out(plan, arrays, "pt")


def laid_out(plan: Plan, arrays: Mapping[str, ForeignArray], framework: str) -> tuple[Segment, ...]:
    """Lay out arrays in the library's order: by name, as all dtypes are the same.

    Args:
        framework: whose arrays they are, as some loaders require it to be said.
    """
    ordered = dict(sorted(arrays.items()))
    data = (part for array in ordered.values() for part in array.data)
    return (Literal(_header(plan, ordered, framework)), *data)


def _header(plan: Plan, arrays: Mapping[str, ForeignArray], framework: str) -> bytes:
    # The keys are sorted; the library's order is random.
    metadata = {"format": framework, KEY: origin_json(plan.spec)}
    described = [f'"__metadata__":{json.dumps(metadata, separators=(",", ":"))}']
    dtype = DTYPES[plan.spec.dtype]
    end = 0
    for name, array in arrays.items():
        start, end = end, end + prod(array.shape) * dtype.item_bytes
        described.append(
            f'"{name}":{{"dtype":"{dtype.safetensors}",'
            f'"shape":[{",".join(map(str, array.shape))}],"data_offsets":[{start},{end}]}}'
        )
    text = f"{{{','.join(described)}}}".encode("ascii")
    text += b" " * (-len(text) % _ALIGNMENT_BYTES)
    return len(text).to_bytes(8, "little") + text
