"""Compiles every kernel before the first request needs it."""

from __future__ import annotations

from app.dtypes import DTYPES
from app.engine.draw import Artist
from app.engine.workers import Workers
from app.plan import plan
from app.spec.checkpoint import InitParts, Spec
from app.spec.schemes import Orthogonal, Sparse, TruncNormal, WeightInit


def warm() -> None:
    """Draw and tally one small tensor of every law and dtype; takes seconds where no cache is warm."""
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
