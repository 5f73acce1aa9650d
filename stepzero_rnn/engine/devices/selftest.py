"""The self-test of a backend: a small tensor of every law and dtype, with a known digest."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from stepzero_rnn.dtypes import DTYPES
from stepzero_rnn.engine.draw import DrawBackend, Sampler
from stepzero_rnn.engine.thread_pool import ThreadPool
from stepzero_rnn.plan import plan
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.init import InitParts
from stepzero_rnn.spec.networks import Kind
from stepzero_rnn.spec.schemes.biases import ChronoBias
from stepzero_rnn.spec.schemes.dense import Lsuv, Skew, SpectralBand, SpectralRadius
from stepzero_rnn.spec.schemes.unions import BiasInit, WeightInit
from stepzero_rnn.spec.schemes.weights import Orthogonal, Sparse, TruncNormal

# sha256 of all that `digest` draws: like the golden digests of the tests, equal on every machine.
EXPECTED_DIGEST = "7c1e1601eddd0d38285d6ba2f612fd102c589c73dc4eb056b472de3705123374"


WEIGHTS: tuple[WeightInit, ...] = (
    "uniform",
    "normal",
    TruncNormal(),
    TruncNormal(low=-9, high=9),
    TruncNormal(low=1, high=9),
    Orthogonal(),
    Sparse(sparsity=0.5),
    Sparse(sparsity=0.5, axis="out"),
    SpectralBand(),
    Lsuv(probe=16),
)
MATRICES: tuple[WeightInit, ...] = (SpectralRadius(), Skew())
BIASES: tuple[BiasInit, ...] = (ChronoBias(t_max=784), "ugi")


def digest(backend: DrawBackend) -> str:
    """Draw a small tensor of every law and dtype; return the sha256 of all bytes."""
    drawn = sha256()
    with ThreadPool(1) as workers:
        for dtype in DTYPES:
            for name, init in _inits():
                spec = Spec(rnn_type="gru", input_size=64, hidden_size=64, dtype=dtype, init=init)
                tensor = next(t for t in plan(spec).tensors if t.kind == name)
                drawn.update(Sampler(0, workers, backend=backend).tensor(tensor).data)
    return drawn.hexdigest()


def _inits() -> Iterator[tuple[Kind, InitParts]]:
    yield from (("weight_ih", InitParts(weight_ih=scheme)) for scheme in WEIGHTS)
    yield from (("weight_hh", InitParts(weight_hh=scheme)) for scheme in MATRICES)
    yield from (("bias_ih", InitParts(bias=scheme)) for scheme in BIASES)
