"""The CRC-32 of a whole file, combined from its tensors' checksums, which the check has computed.

Nothing is drawn for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stepzero_rnn.engine.check.check import Checked
from stepzero_rnn.formats.crc import crc32_of
from stepzero_rnn.formats.segments import Data, TensorData
from stepzero_rnn.pipeline.job import Job


def crc32_of_file(job: Job, checked: Checked) -> int | None:
    """Return the CRC-32 of a job's file; None if the check's results do not suffice.

    That is the case for a bundle, which contains statistics, and for the formats of other
    libraries, which hold parts, sums and transposes.
    """
    try:
        return crc32_of(job.segments, _Checksums(checked.crc32))
    except NotImplementedError:
        return None


@dataclass(frozen=True, slots=True)
class _Checksums:
    """Supplies late segments with checksums; nothing else is available."""

    crcs: Mapping[str, int]

    def crc32(self, data: Data) -> int:
        if isinstance(data, TensorData) and data.is_whole:
            return self.crcs[data.tensor.name]
        raise NotImplementedError

    def summary(self) -> bytes:
        raise NotImplementedError
