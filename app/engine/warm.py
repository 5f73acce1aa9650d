"""Compiles every kernel before the first request needs it, and proves that they draw what they should."""

from __future__ import annotations

from hashlib import sha256
from typing import get_args

import torch

from app.dtypes import DTYPES
from app.engine.check import check
from app.engine.draw import Artist
from app.engine.workers import Workers
from app.errors import EngineFailed
from app.plan import plan
from app.spec.checkpoint import CheckSize, InitParts, RnnType, Spec
from app.spec.schemes import Orthogonal, Sparse, TruncNormal, WeightInit

# sha256 of all that `warm` draws, as the golden digests of the tests: the same on every machine.
KNOWN = "64df0f03052e6ccb30be20b899f3be0fcce185800993123659f88830aa23c93a"


def warm(known: str = KNOWN) -> None:
    """Draw and tally one small tensor of every law and dtype, and run one small network of each type.

    Takes seconds where no cache is warm.

    Raises:
        EngineFailed: what was drawn has another digest than `known`.
    """
    drawn = sha256()
    schemes: list[WeightInit] = [
        "uniform",
        "normal",
        TruncNormal(),
        TruncNormal(low=-9, high=9),
        TruncNormal(low=1, high=9),
        Orthogonal(),
        Sparse(sparsity=0.5),
        Sparse(sparsity=0.5, axis="out"),
    ]
    with Workers(1) as workers:
        for dtype in DTYPES:
            for scheme in schemes:
                init = InitParts(weight_ih=scheme)
                spec = Spec(rnn_type="rnn", input_size=128, hidden_size=128, dtype=dtype, init=init)
                stored, _ = Artist(0, workers).tallied(plan(spec).tensors[0])
                drawn.update(stored.data)
        for rnn_type in get_args(RnnType):
            small = plan(Spec(rnn_type=rnn_type, input_size=8, hidden_size=8))
            check(small, Artist(0, workers), CheckSize(), torch.device("cpu"))
    if drawn.hexdigest() != known:
        raise EngineFailed(reason="its kernels draw other numbers here than everywhere else")
