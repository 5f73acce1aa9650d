"""Torch's own threads, within the cores that the engine shares out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch

from stepzero_rnn.engine.cores import Cores


@contextmanager
def torch_on(cores: Cores, count: int) -> Iterator[None]:
    """Reserve `count` cores and let torch compute on them; with 0, use one thread at once.

    torch applies a number of threads to the calling thread and to threads it has not seen yet.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(max(count, 1))
    try:
        with cores.taken(count) if count else nullcontext():
            yield
    finally:
        torch.set_num_threads(before)
