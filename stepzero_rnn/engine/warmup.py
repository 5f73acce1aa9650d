"""Compiles every kernel before the first request needs it, and proves that they draw what they
should.
"""

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


def warm(known: str = EXPECTED_DIGEST) -> None:
    """Draw a little of everything, on every device, and run one small network of each type.

    Takes seconds where no cache is warm.  A device that fails is left for the requests that name it
    to be refused.

    Raises:
        EngineFailed: what was drawn has another digest than `known`.
    """
    if digest(CPU) != known:
        raise EngineFailed(reason="its kernels draw other numbers here than everywhere else")
    many = np.zeros(SORTED_VALUES + 1)  # counted in another way than those few
    Counter(len(many)).add(many)
    Counter(len(many)).add(many.astype(np.float32))
    with ThreadPool(1) as workers:
        for rnn_type in get_args(RnnType):
            small = plan(Spec(rnn_type=rnn_type, input_size=8, hidden_size=8))
            check(small, Sampler(0, workers), CheckSize(), torch.device("cpu"))
    for name in devices.available():
        with suppress(DeviceFailed):
            devices.backend_for(torch.device(name))
