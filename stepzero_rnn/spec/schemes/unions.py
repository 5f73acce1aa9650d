"""The init schemes that can be requested, in two discriminated unions.

What each scheme draws is in `stepzero_rnn/engine/schemes/`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import Discriminator, Field, Tag

from stepzero_rnn.spec.base import InitScheme
from stepzero_rnn.spec.schemes.biases import (
    ChronoBias,
    ChronoForgetOnlyBias,
    ConstantBias,
    ForgetBias,
    NormalBias,
    OutGateLadderBias,
    PytorchBias,
    UgiBias,
    UniformBias,
    ZerosBias,
)
from stepzero_rnn.spec.schemes.dense import (
    Lsuv,
    NpRnn,
    RingSpectrum,
    Skew,
    SpectralBand,
    SpectralRadius,
)
from stepzero_rnn.spec.schemes.inline import Array, ArrayBias
from stepzero_rnn.spec.schemes.matrices import (
    CayleyRotation,
    Chain,
    Critical,
    FbChain,
    Fsi,
    HenaffRotation,
    Ramp,
    RecurrentScheme,
    ScaledIdentity,
)
from stepzero_rnn.spec.schemes.weights import (
    Constant,
    Hadamard,
    Identity,
    KaimingNormal,
    KaimingUniform,
    LecunNormal,
    LecunUniform,
    Normal,
    Ones,
    Orthogonal,
    Pytorch,
    RandomWalk,
    Sparse,
    TruncNormal,
    Uniform,
    VarianceScaling,
    WeightScheme,
    XavierNormal,
    XavierUniform,
    Zeros,
)

AnyWeightScheme = Annotated[
    Pytorch
    | Uniform
    | Normal
    | TruncNormal
    | Constant
    | Array
    | Zeros
    | Ones
    | Identity
    | XavierUniform
    | XavierNormal
    | KaimingUniform
    | KaimingNormal
    | LecunUniform
    | LecunNormal
    | VarianceScaling
    | RandomWalk
    | Hadamard
    | Orthogonal
    | Sparse
    | SpectralBand
    | Lsuv
    | ScaledIdentity
    | Chain
    | FbChain
    | Ramp
    | HenaffRotation
    | CayleyRotation
    | Fsi
    | Critical
    | SpectralRadius
    | NpRnn
    | Skew
    | RingSpectrum,
    Field(discriminator="scheme"),
]
AnyBiasScheme = Annotated[
    PytorchBias
    | ZerosBias
    | ConstantBias
    | ArrayBias
    | UniformBias
    | NormalBias
    | ForgetBias
    | ChronoBias
    | ChronoForgetOnlyBias
    | UgiBias
    | OutGateLadderBias,
    Field(discriminator="scheme"),
]

# Schemes without required fields can be requested by name alone.
WeightName = Literal[
    "pytorch",
    "uniform",
    "normal",
    "trunc_normal",
    "zeros",
    "ones",
    "identity",
    "xavier_uniform",
    "xavier_normal",
    "kaiming_uniform",
    "kaiming_normal",
    "lecun_uniform",
    "lecun_normal",
    "variance_scaling",
    "random_walk",
    "hadamard",
    "orthogonal",
    "spectral_band",
    "lsuv",
    "scaled_identity",
    "chain",
    "fbchain",
    "ramp",
    "henaff_rotation",
    "cayley_rotation",
    "fsi",
    "critical",
    "spectral_radius",
    "np_rnn",
    "skew",
    "ring_spectrum",
]
BiasName = Literal["pytorch", "zeros", "uniform", "normal", "forget", "ugi", "out_gate_ladder"]


def _name_or_scheme(value: Any) -> str:
    return "$name" if isinstance(value, str) else "$scheme"


WeightInit = Annotated[
    Annotated[WeightName, Tag("$name")] | Annotated[AnyWeightScheme, Tag("$scheme")],
    Discriminator(_name_or_scheme),
]
BiasInit = Annotated[
    Annotated[BiasName, Tag("$name")] | Annotated[AnyBiasScheme, Tag("$scheme")],
    Discriminator(_name_or_scheme),
]

WEIGHT_SCHEMES: dict[str, type[WeightScheme | RecurrentScheme]] = {
    cls.model_fields["scheme"].default: cls for cls in get_args(get_args(AnyWeightScheme)[0])
}
BIAS_SCHEMES: dict[str, type[InitScheme]] = {
    cls.model_fields["scheme"].default: cls for cls in get_args(get_args(AnyBiasScheme)[0])
}
