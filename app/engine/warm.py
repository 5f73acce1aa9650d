"""Compiles every kernel before the first request needs it."""

from __future__ import annotations

from typing import get_args

import torch

from app.dtypes import DTYPES
from app.engine.check import check
from app.engine.draw import Artist
from app.engine.workers import Workers
from app.plan import plan
from app.spec.checkpoint import CheckSize, InitParts, RnnType, Spec
from app.spec.schemes import Orthogonal, Sparse, TruncNormal, WeightInit


def warm() -> None:
    """Draw and tally one small tensor of every law and dtype, and run one small network of each type.

    Takes seconds where no cache is warm.
    """
    schemes: list[WeightInit] = [
        "uniform",
        "normal",
        TruncNormal(),
        TruncNormal(low=-9, high=9),
        TruncNormal(low=1, high=9),
        Orthogonal(),
        Sparse(sparsity=0.5),
    ]
    with Workers(1) as workers:
        for dtype in DTYPES:
            for scheme in schemes:
                init = InitParts(weight_ih=scheme)
                spec = Spec(rnn_type="rnn", input_size=128, hidden_size=128, dtype=dtype, init=init)
                Artist(0, workers).tallied(plan(spec).tensors[0])
        for rnn_type in get_args(RnnType):
            small = plan(Spec(rnn_type=rnn_type, input_size=8, hidden_size=8))
            check(small, Artist(0, workers), CheckSize(), torch.device("cpu"), drawn_on="cpu")
