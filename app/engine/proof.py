"""What a brush must draw: a little of every law in every dtype, whose digest is known."""

from __future__ import annotations

from hashlib import sha256

from app.dtypes import DTYPES
from app.engine.draw import Artist, Brush
from app.engine.workers import Workers
from app.plan import plan
from app.spec.checkpoint import InitParts, Spec
from app.spec.schemes import Orthogonal, Sparse, TruncNormal, WeightInit

# sha256 of all that `digest` draws, as the golden digests of the tests: the same on every machine.
KNOWN = "64df0f03052e6ccb30be20b899f3be0fcce185800993123659f88830aa23c93a"


def digest(brush: Brush) -> str:
    """Draw and tally one small tensor of every law and dtype; give the sha256 of all of them."""
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
                stored, _ = Artist(0, workers, brush=brush).tallied(plan(spec).tensors[0])
                drawn.update(stored.data)
    return drawn.hexdigest()
