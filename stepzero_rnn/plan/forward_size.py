"""The size of the check's forward pass: as asked, and otherwise by the size of the layers."""

from __future__ import annotations

from dataclasses import dataclass

from stepzero_rnn.dtypes import DType
from stepzero_rnn.spec.checkpoint import CheckSize
from stepzero_rnn.thresholds import CACHED_LAYER_BYTES, LARGE_LAYER_BYTES

SEQ_LEN, BATCH = 16, 4  # where weights stay in the caches
FEW_STEPS = 8  # above the 4 over which the gates are measured
HALF_WEIGHT = 8  # on a CPU, float16 products take at least 8 times as long as float32's


@dataclass(frozen=True, slots=True)
class ForwardSize:
    """The size of a forward pass: time steps and sequences."""

    seq_len: int
    batch: int


def forward_size(layer_elements: int, dtype: DType, asked: CheckSize) -> ForwardSize:
    """Return the sizes that are asked for, and the default of each that is not.

    Recurrent weights are read at every step.  From memory, torch's product reads them for one
    sequence at 13 to 17 GB/s, for four at 4 to 5; in bfloat16, four take no longer than one.

    Args:
        layer_elements: the parameters of the largest layer, both directions together.
    """
    read_bytes = layer_elements * dtype.item_bytes
    if dtype.name == "float16":
        read_bytes *= HALF_WEIGHT
    is_cached = read_bytes <= CACHED_LAYER_BYTES or dtype.name == "bfloat16"
    return ForwardSize(
        asked.seq_len or (SEQ_LEN if read_bytes <= LARGE_LAYER_BYTES else FEW_STEPS),
        asked.batch or (BATCH if is_cached else 1),
    )
