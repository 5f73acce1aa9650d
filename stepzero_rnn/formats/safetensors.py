"""The `.safetensors` file: byte for byte what `safetensors.torch.save` writes.

The layout is the length of the header, the header as JSON, then all tensors without gaps:
https://github.com/huggingface/safetensors#format.  Apart from the tensors no byte depends on the
weights, so the format is the best one for streaming.
"""

from __future__ import annotations

import json

from stepzero_rnn.formats.origin import KEY, origin_json
from stepzero_rnn.formats.segments import Literal, Segment, TensorData
from stepzero_rnn.plan import Plan, TensorPlan

_ALIGNMENT_BYTES = 8


def segments(plan: Plan) -> tuple[Segment, ...]:
    """Lay out a plan in the library's order: by name, as all dtypes are the same."""
    tensors = sorted(plan.tensors, key=lambda tensor: tensor.name)
    return (Literal(_header(plan, tensors)), *map(TensorData, tensors))


def _header(plan: Plan, tensors: list[TensorPlan]) -> bytes:
    # Some loaders require `format`.  The keys are sorted; the library's order is random.
    metadata = {"format": "pt", KEY: origin_json(plan.spec)}
    described = [f'"__metadata__":{json.dumps(metadata, separators=(",", ":"))}']
    end = 0
    for tensor in tensors:
        start, end = end, end + tensor.size_bytes
        described.append(
            f'"{tensor.name}":{{"dtype":"{tensor.dtype.safetensors}",'
            f'"shape":[{",".join(map(str, tensor.shape))}],"data_offsets":[{start},{end}]}}'
        )
    text = f"{{{','.join(described)}}}".encode("ascii")
    text += b" " * (-len(text) % _ALIGNMENT_BYTES)
    return len(text).to_bytes(8, "little") + text
