"""SHA-256 of every tensor and every gate's block, in a separate pass, as few requests need them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from hashlib import sha256

from stepzero_rnn.engine.draw import Sampler
from stepzero_rnn.plan import Plan

TensorDigests = tuple[str, Sequence[str]]


def digests(plan: Plan, sampler: Sampler) -> dict[str, TensorDigests]:
    """Return, by tensor name, the digest of the whole tensor's bytes and that of each gate's."""
    result: dict[str, TensorDigests] = {}
    for tensor in plan.tensors:
        data = sampler.tensor(tensor).data.cast("B")
        whole, *gates = sampler.workers.map(
            (partial(_digest, part) for part in _parts(data, len(tensor.gates))), sampler.stop
        )
        result[tensor.name] = (whole, gates or [whole])
    return result


def _parts(data: memoryview, gates: int) -> Iterator[memoryview]:
    yield data
    if gates > 1:
        step = len(data) // gates
        for at in range(0, len(data), step):
            yield data[at : at + step]


def _digest(data: memoryview) -> str:
    return sha256(data).hexdigest()
