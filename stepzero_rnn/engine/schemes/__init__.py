"""Every scheme, in three literal tables: what can be asked for, and how it is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from stepzero_rnn.engine.elements.distributions import (
    ElementLaw,
    LogitUniform,
    LogUniform,
    Normal,
    Uniform,
)
from stepzero_rnn.engine.elements.patterns import Constant, Ladder
from stepzero_rnn.engine.laws.matrix_laws import LiteralValues
from stepzero_rnn.engine.laws.scripts import replay
from stepzero_rnn.engine.schemes import biases, dense, matrices, weights
from stepzero_rnn.engine.schemes.critical import critical
from stepzero_rnn.engine.schemes.record import Scheme, WholeLaw, array, pytorch
from stepzero_rnn.plan import Block, TensorPlan
from stepzero_rnn.spec.schemes import biases as bias_models
from stepzero_rnn.spec.schemes import dense as dense_models
from stepzero_rnn.spec.schemes import inline
from stepzero_rnn.spec.schemes import matrices as matrix_models
from stepzero_rnn.spec.schemes import scripts as script_models
from stepzero_rnn.spec.schemes import weights as ask

WEIGHTS: Mapping[str, Scheme] = {
    "pytorch": Scheme(ask.Pytorch, pytorch),
    "uniform": Scheme(ask.Uniform, weights.uniform),
    "normal": Scheme(ask.Normal, weights.normal),
    "trunc_normal": Scheme(ask.TruncNormal, weights.trunc_normal),
    "constant": Scheme(ask.Constant, weights.constant),
    "array": Scheme(inline.Array, array),
    "zeros": Scheme(ask.Zeros, weights.zeros),
    "ones": Scheme(ask.Ones, weights.ones),
    "identity": Scheme(ask.Identity, weights.identity),
    "xavier_uniform": Scheme(ask.XavierUniform, weights.xavier_uniform),
    "xavier_normal": Scheme(ask.XavierNormal, weights.xavier_normal),
    "kaiming_uniform": Scheme(ask.KaimingUniform, weights.kaiming_uniform),
    "kaiming_normal": Scheme(ask.KaimingNormal, weights.kaiming_normal),
    "lecun_uniform": Scheme(ask.LecunUniform, weights.lecun_uniform),
    "lecun_normal": Scheme(ask.LecunNormal, weights.lecun_normal),
    "variance_scaling": Scheme(ask.VarianceScaling, weights.variance_scaling),
    "random_walk": Scheme(ask.RandomWalk, weights.random_walk),
    "hadamard": Scheme(ask.Hadamard, weights.hadamard),
    "orthogonal": Scheme(ask.Orthogonal, weights.orthogonal),
    "sparse": Scheme(ask.Sparse, weights.sparse),
    "scaled_identity": Scheme(matrix_models.ScaledIdentity, matrices.scaled_identity),
    "chain": Scheme(matrix_models.Chain, matrices.chain),
    "fbchain": Scheme(matrix_models.FbChain, matrices.fbchain),
    "ramp": Scheme(matrix_models.Ramp, matrices.ramp),
    "henaff_rotation": Scheme(matrix_models.HenaffRotation, matrices.henaff_rotation),
    "cayley_rotation": Scheme(matrix_models.CayleyRotation, matrices.cayley_rotation),
    "fsi": Scheme(matrix_models.Fsi, matrices.fsi),
    "critical": Scheme(matrix_models.Critical, critical),
    "spectral_band": Scheme(dense_models.SpectralBand, dense.spectral_band),
    "lsuv": Scheme(dense_models.Lsuv, dense.lsuv),
    "spectral_radius": Scheme(dense_models.SpectralRadius, dense.spectral_radius),
    "np_rnn": Scheme(dense_models.NpRnn, dense.np_rnn),
    "skew": Scheme(dense_models.Skew, dense.skew),
    "ring_spectrum": Scheme(dense_models.RingSpectrum, dense.ring_spectrum),
}


BIASES: Mapping[str, Scheme] = {
    "pytorch": Scheme(bias_models.PytorchBias, pytorch),
    "zeros": Scheme(bias_models.ZerosBias, weights.zeros),
    "constant": Scheme(bias_models.ConstantBias, weights.constant),
    "array": Scheme(inline.ArrayBias, array),
    "uniform": Scheme(bias_models.UniformBias, weights.uniform),
    "normal": Scheme(bias_models.NormalBias, weights.normal),
    "forget": Scheme(bias_models.ForgetBias, biases.forget),
    "chrono": Scheme(bias_models.ChronoBias, biases.chrono),
    "chrono_forget_only": Scheme(bias_models.ChronoForgetOnlyBias, biases.chrono),
    "ugi": Scheme(bias_models.UgiBias, biases.ugi),
    "out_gate_ladder": Scheme(bias_models.OutGateLadderBias, biases.out_gate_ladder),
}


SCRIPTS: Mapping[str, Scheme] = {
    "numpy_randn": Scheme(script_models.NumpyRandn, replay),
    "torch_seeded": Scheme(script_models.TorchSeeded, replay),
}


# The scalars of a law that are multiplied when a vector gets half of a total; halving is exact.
SCALED: Mapping[type, tuple[str, ...]] = {
    Constant: ("value",),
    Uniform: ("low", "high"),
    Normal: ("mean", "std"),
    LogUniform: ("factor",),
    LogitUniform: ("factor",),
    Ladder: ("step",),
    LiteralValues: ("values",),
}


def law_of(tensor: TensorPlan, block: Block) -> ElementLaw | WholeLaw:
    """Return the law of a block; that of a bias includes the vector's share of the total."""
    table = SCRIPTS if block.steps else BIASES if tensor.kind.startswith("bias") else WEIGHTS
    law: Any = table[block.scheme.scheme].law(block.scheme, block)
    match block.share:
        case 0:
            return Constant(0.0)
        case 1:
            return cast("ElementLaw | WholeLaw", law)
        case share:
            return cast(
                "ElementLaw",
                replace(law, **{name: getattr(law, name) * share for name in SCALED[type(law)]}),
            )
