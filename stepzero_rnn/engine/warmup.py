"""Compiles every kernel before the first request, and verifies the values they draw."""

from __future__ import annotations

from contextlib import suppress
from typing import get_args

import numpy as np
import torch

from stepzero_rnn.engine.check.check import check
from stepzero_rnn.engine.devices import devices
from stepzero_rnn.engine.devices.selftest import EXPECTED_DIGEST, digest
from stepzero_rnn.engine.draw import CPU, Sampler
from stepzero_rnn.engine.statistics import Counter
from stepzero_rnn.engine.thread_pool import ThreadPool
from stepzero_rnn.errors import DeviceFailed, EngineFailed
from stepzero_rnn.plan import plan
from stepzero_rnn.spec.checkpoint import CheckSize, Spec
from stepzero_rnn.spec.networks import RnnType
from stepzero_rnn.thresholds import SORTED_VALUES


def warm(expected: str = EXPECTED_DIGEST) -> None:
    """Run the self-test on every device, and check a small network of each type.

    Takes seconds with a cold cache.  The failure of a device other than the CPU is reported to the
    requests that name it.

    Raises:
        EngineFailed: the drawn values do not have the expected digest.
    """
    if digest(CPU) != expected:
        raise EngineFailed(reason="its kernels compute wrong values on this machine")
    for elements in (1, SORTED_VALUES + 1):  # few are sorted, many are counted on the grid
        Counter(elements).add(np.zeros(elements, np.float32))
        Counter(elements).add(np.zeros(elements, np.float64))
    with ThreadPool(1) as workers:
        for rnn_type in get_args(RnnType):
            small = plan(Spec(rnn_type=rnn_type, input_size=8, hidden_size=8))
            check(small, Sampler(0, workers), small.forward_size(CheckSize()), torch.device("cpu"))
    for name in devices.available():
        with suppress(DeviceFailed):
            devices.backend_for(torch.device(name))
