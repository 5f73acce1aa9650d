"""The CRC-32 of a whole file, from those of its tensors: the check has them, so no byte is drawn
for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stepzero_rnn.engine.check.check import Checked
from stepzero_rnn.formats.crc import crc32_of
from stepzero_rnn.pipeline.job import Job
from stepzero_rnn.plan import TensorPlan


def crc32_of_file(job: Job, checked: Checked) -> int | None:
    """Return the CRC-32 of an order's file; None where a check does not learn enough for it, as for
    a bundle's statistics.
    """
    try:
        return crc32_of(job.segments, _Learned(checked.crc32))
    except NotImplementedError:
        return None


@dataclass(frozen=True, slots=True)
class _Learned:
    """What late segments may ask for here."""

    crcs: Mapping[str, int]

    def crc32(self, tensor: TensorPlan) -> int:
        return self.crcs[tensor.name]

    def summary(self) -> bytes:
        raise NotImplementedError
