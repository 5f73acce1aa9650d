"""Draws networks for tests, and reads what was drawn without the code that wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stepzero_rnn.engine.draw import Sampler, Stored
from stepzero_rnn.engine.thread_pool import ThreadPool
from stepzero_rnn.plan import Plan, TensorPlan, plan
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.parse import parse

Values = NDArray[np.float64]


def planned(given: Mapping[str, Any] | Spec) -> Plan:
    """Plan a network."""
    return plan(given if isinstance(given, Spec) else parse(Spec, dict(given)))


def stored(given: Mapping[str, Any] | Spec, *, threads: int = 2) -> dict[str, Stored]:
    """Draw every tensor of a network, flat, as its bytes are."""
    made = planned(given)
    with ThreadPool(threads) as workers:
        sampler = Sampler(made.spec.seed, workers)
        return {tensor.name: sampler.tensor(tensor) for tensor in made.tensors}


def values(given: Mapping[str, Any] | Spec, *, threads: int = 2) -> dict[str, Values]:
    """Draw every tensor of a network, in its shape, as float64."""
    made = planned(given)
    drawn = stored(made.spec, threads=threads)
    return {t.name: widened(drawn[t.name], t).reshape(t.shape) for t in made.tensors}


def gates(given: Mapping[str, Any] | Spec) -> dict[tuple[str, str], Values]:
    """Draw every gate's block of a network, by tensor and letter, as float64."""
    made = planned(given)
    drawn = values(made.spec)
    return {
        (tensor.name, gate): block
        for tensor in made.tensors
        for gate, block in zip(
            made.spec.network.letters(tensor.kind),
            np.split(drawn[tensor.name], len(tensor.gates)),
            strict=True,
        )
    }


def widened(drawn: Stored, tensor: TensorPlan) -> Values:
    """Read stored elements as float64: a bfloat16 is the upper half of a float32."""
    if tensor.dtype.name == "bfloat16":
        return (drawn.astype(np.uint32) << np.uint32(16)).view(np.float32).astype(np.float64)
    return drawn.astype(np.float64)
