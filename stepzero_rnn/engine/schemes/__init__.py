"""Every scheme, in three literal tables: model, law, formula and source."""

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
from stepzero_rnn.engine.laws.matrix_laws import Given
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

TORCH = "torch.nn.init"

WEIGHTS: Mapping[str, Scheme] = {
    "pytorch": Scheme(
        ask.Pytorch, pytorch, "U(±1/√hidden_size)", "torch.nn.RNNBase.reset_parameters"
    ),
    "uniform": Scheme(ask.Uniform, weights.uniform, "U(low, high)", TORCH),
    "normal": Scheme(ask.Normal, weights.normal, "N(mean, std²)", TORCH),
    "trunc_normal": Scheme(
        ask.TruncNormal, weights.trunc_normal, "N(mean, std²) on [low, high]", TORCH
    ),
    "constant": Scheme(ask.Constant, weights.constant, "value", TORCH),
    "array": Scheme(inline.Array, array, "values", "your own"),
    "zeros": Scheme(ask.Zeros, weights.zeros, "0", TORCH),
    "ones": Scheme(ask.Ones, weights.ones, "1", TORCH),
    "identity": Scheme(ask.Identity, weights.identity, "gain·I", TORCH),
    "xavier_uniform": Scheme(
        ask.XavierUniform,
        weights.xavier_uniform,
        "U(±gain·√(6/(fan_in + fan_out)))",
        "Glorot & Bengio, AISTATS 2010",
    ),
    "xavier_normal": Scheme(
        ask.XavierNormal,
        weights.xavier_normal,
        "N(0, gain²·2/(fan_in + fan_out))",
        "Glorot & Bengio, AISTATS 2010",
    ),
    "kaiming_uniform": Scheme(
        ask.KaimingUniform,
        weights.kaiming_uniform,
        "U(±gain·√(3/fan))",
        "He et al., arXiv:1502.01852",
    ),
    "kaiming_normal": Scheme(
        ask.KaimingNormal, weights.kaiming_normal, "N(0, gain²/fan)", "He et al., arXiv:1502.01852"
    ),
    "lecun_uniform": Scheme(
        ask.LecunUniform,
        weights.lecun_uniform,
        "U(±√(3/fan_in))",
        "LeCun et al., Efficient BackProp, 1998",
    ),
    "lecun_normal": Scheme(
        ask.LecunNormal,
        weights.lecun_normal,
        "N(0, 1/fan_in)",
        "LeCun et al. 1998; Klambauer et al., arXiv:1706.02515",
    ),
    "variance_scaling": Scheme(
        ask.VarianceScaling,
        weights.variance_scaling,
        "variance scale/fan",
        "Keras and JAX VarianceScaling, with the variance of the truncated normal corrected",
    ),
    "random_walk": Scheme(
        ask.RandomWalk,
        weights.random_walk,
        "N(0, g²/n), n = fan_in, g depends on n and nonlinearity",
        "Sussillo & Abbott, arXiv:1412.6558",
    ),
    "hadamard": Scheme(
        ask.Hadamard,
        weights.hadamard,
        "I; more rows than columns: 2^(−(m−1)/2)·H, m = ⌈log₂ rows⌉",
        "ZerO; Zhao, Schäfer & Anandkumar, arXiv:2110.12661",
    ),
    "orthogonal": Scheme(
        ask.Orthogonal,
        weights.orthogonal,
        "gain·Q, Q uniform (Haar)",
        "Saxe et al., arXiv:1312.6120; Stewart, SIAM J. Numer. Anal. 17, 1980",
    ),
    "sparse": Scheme(
        ask.Sparse,
        weights.sparse,
        "N(0, std²), ⌈sparsity·n⌉ zeros per unit",
        "Martens, ICML 2010; torch.nn.init.sparse_ with axis out",
    ),
    "scaled_identity": Scheme(
        matrix_models.ScaledIdentity,
        matrices.scaled_identity,
        "alpha·I",
        "Le, Jaitly & Hinton, arXiv:1504.00941; alpha 0.95: Mikolov et al., arXiv:1412.7753",
    ),
    "chain": Scheme(
        matrix_models.Chain,
        matrices.chain,
        "alpha on the superdiagonal",
        "Orhan & Pitkow, arXiv:1905.13715, and their NonnormalInit",
    ),
    "fbchain": Scheme(
        matrix_models.FbChain,
        matrices.fbchain,
        "alpha on the superdiagonal, beta on the subdiagonal",
        "Orhan & Pitkow, arXiv:1905.13715, and their NonnormalInit",
    ),
    "ramp": Scheme(
        matrix_models.Ramp,
        matrices.ramp,
        "gate g: alpha on the superdiagonal; others: end·(column − row)/(hidden_size − 1)",
        "Orhan & Pitkow, arXiv:1905.13715, and their ramp_init",
    ),
    "henaff_rotation": Scheme(
        matrix_models.HenaffRotation,
        matrices.henaff_rotation,
        "2 × 2 rotations along the diagonal, angles ~ U(−π, π)",
        "Henaff, Szlam & LeCun, arXiv:1602.06662; expRNN's henaff_init_",
    ),
    "cayley_rotation": Scheme(
        matrix_models.CayleyRotation,
        matrices.cayley_rotation,
        "(I + A)⁻¹(I − A) = 2 × 2 rotations along the diagonal, angles ~ U(low, high)",
        "Helfrich, Willmott & Ye, arXiv:1707.09520",
    ),
    "fsi": Scheme(
        matrix_models.Fsi,
        matrices.fsi,
        "U(±√3·radius/√n), n = ⌈connectivity·hidden_size⌉ per row, else 0",
        "Gallicchio, Micheli & Pedrelli, ESANN 2020; reservoirpy's FSI",
    ),
    "critical": Scheme(
        matrix_models.Critical,
        critical,
        "tanh: σ·Q with χ = 1; gates g, n: N(0, g²/hidden_size) with the requested ρ of the Jacobian at 0",
        "Chen, Pennington & Schoenholz, arXiv:1806.05394; Fioratti et al., arXiv:2605.10650",
    ),
    "spectral_band": Scheme(
        dense_models.SpectralBand,
        dense.spectral_band,
        "U·diag(s)·Vᵀ, U and V uniform (Haar), s ~ U(1 ± margin)",
        "Vorontsov et al., arXiv:1702.00071",
    ),
    "lsuv": Scheme(
        dense_models.Lsuv,
        dense.lsuv,
        "Q/√Var(Q·x), Q uniform (Haar), x ~ N(0, 1)",
        "Mishkin & Matas, arXiv:1511.06422",
    ),
    "spectral_radius": Scheme(
        dense_models.SpectralRadius,
        dense.spectral_radius,
        "A·radius/ρ(A), A normal, sparse or a ring",
        "Jaeger, GMD Report 148, 2001; Sutskever et al., ICML 2013",
    ),
    "np_rnn": Scheme(
        dense_models.NpRnn,
        dense.np_rnn,
        "(A + I)/λ_max(A + I), A = RᵀR/hidden_size, R ~ N(0, 1)",
        "Talathi & Vartak, arXiv:1511.03771",
    ),
    "skew": Scheme(
        dense_models.Skew,
        dense.skew,
        "exp(epsilon·(M − Mᵀ − gamma·I)), M ~ N(0, std²/hidden_size)",
        "after Chang et al., arXiv:1902.09689",
    ),
    "ring_spectrum": Scheme(
        dense_models.RingSpectrum,
        dense.ring_spectrum,
        "eigenvalues |λ| = √(u·(r_max² − r_min²) + r_min²), u ~ U(0, 1), phases ~ U(0, 2π)",
        "Orvieto et al., arXiv:2303.06349",
    ),
}


BIASES: Mapping[str, Scheme] = {
    "pytorch": Scheme(
        bias_models.PytorchBias,
        pytorch,
        "U(±1/√hidden_size), both",
        "torch.nn.RNNBase.reset_parameters",
    ),
    "zeros": Scheme(bias_models.ZerosBias, weights.zeros, "0", "Keras, Flax"),
    "constant": Scheme(bias_models.ConstantBias, weights.constant, "total = value", TORCH),
    "array": Scheme(inline.ArrayBias, array, "total = values", "your own"),
    "uniform": Scheme(bias_models.UniformBias, weights.uniform, "total ~ U(low, high)", TORCH),
    "normal": Scheme(bias_models.NormalBias, weights.normal, "total ~ N(mean, std²)", TORCH),
    "forget": Scheme(
        bias_models.ForgetBias,
        biases.forget,
        "total of gate f (LSTM) or z (GRU) = value, else 0",
        "Gers, Schmidhuber & Cummins 2000; Jozefowicz, Zaremba & Sutskever, ICML 2015",
    ),
    "chrono": Scheme(
        bias_models.ChronoBias,
        biases.chrono,
        "b_f = −b_i (LSTM) or b_z (GRU) = log(T − 1), T ~ U(t_min, t_max), else 0",
        "Tallec & Ollivier, arXiv:1804.11188",
    ),
    "chrono_forget_only": Scheme(
        bias_models.ChronoForgetOnlyBias,
        biases.chrono,
        "b_f (LSTM) or b_z (GRU) = log(T − 1), T ~ U(t_min, t_max), else 0",
        "van der Westhuizen & Lasenby, arXiv:1804.04849",
    ),
    "ugi": Scheme(
        bias_models.UgiBias,
        biases.ugi,
        "σ(b_f) (LSTM) or σ(b_z) (GRU) ~ U(1/hidden_size, 1 − 1/hidden_size), else 0",
        "Gu et al., arXiv:1910.09890",
    ),
    "out_gate_ladder": Scheme(
        bias_models.OutGateLadderBias,
        biases.out_gate_ladder,
        "b_o = −step·(k + 1) in block k (LSTM), else 0",
        "Hochreiter & Schmidhuber, Neural Computation 9(8), 1997",
    ),
}


SCRIPTS: Mapping[str, Scheme] = {
    "numpy_randn": Scheme(
        script_models.NumpyRandn,
        replay,
        "weights N(0, scale²), biases 0; bit-identical to NumPy's",
        "numpy.random.seed, numpy.random.randn",
    ),
    "torch_seeded": Scheme(
        script_models.TorchSeeded,
        replay,
        "U(±1/√hidden_size), then the functions named; bit-identical to torch's",
        "torch.manual_seed, torch.nn.RNNBase.reset_parameters, torch.nn.init",
    ),
}


# The scalars of a law that are multiplied when a vector gets half of a total; halving is exact.
SCALED: Mapping[type, tuple[str, ...]] = {
    Constant: ("value",),
    Uniform: ("low", "high"),
    Normal: ("mean", "std"),
    LogUniform: ("factor",),
    LogitUniform: ("factor",),
    Ladder: ("step",),
    Given: ("values",),
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
