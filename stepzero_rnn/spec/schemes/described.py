"""What is said of every scheme, in three literal tables: its formula, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stepzero_rnn.spec.base import InitScheme
from stepzero_rnn.spec.schemes import biases, dense, inline, matrices, scripts, weights

TORCH = "torch.nn.init"


@dataclass(frozen=True, slots=True)
class Described:
    """A scheme as it is asked for, the formula that it is drawn by, and the source of that."""

    spec: type[InitScheme]
    formula: str
    source: str


WEIGHTS: Mapping[str, Described] = {
    "pytorch": Described(
        weights.Pytorch, "U(±1/√hidden_size)", "torch.nn.RNNBase.reset_parameters"
    ),
    "uniform": Described(weights.Uniform, "U(low, high)", TORCH),
    "normal": Described(weights.Normal, "N(mean, std²)", TORCH),
    "trunc_normal": Described(weights.TruncNormal, "N(mean, std²) on [low, high]", TORCH),
    "constant": Described(weights.Constant, "value", TORCH),
    "array": Described(inline.Array, "values", "your own"),
    "zeros": Described(weights.Zeros, "0", TORCH),
    "ones": Described(weights.Ones, "1", TORCH),
    "identity": Described(weights.Identity, "gain·I", TORCH),
    "xavier_uniform": Described(
        weights.XavierUniform, "U(±gain·√(6/(fan_in + fan_out)))", "Glorot & Bengio, AISTATS 2010"
    ),
    "xavier_normal": Described(
        weights.XavierNormal, "N(0, gain²·2/(fan_in + fan_out))", "Glorot & Bengio, AISTATS 2010"
    ),
    "kaiming_uniform": Described(
        weights.KaimingUniform, "U(±gain·√(3/fan))", "He et al., arXiv:1502.01852"
    ),
    "kaiming_normal": Described(
        weights.KaimingNormal, "N(0, gain²/fan)", "He et al., arXiv:1502.01852"
    ),
    "lecun_uniform": Described(
        weights.LecunUniform, "U(±√(3/fan_in))", "LeCun et al., Efficient BackProp, 1998"
    ),
    "lecun_normal": Described(
        weights.LecunNormal,
        "N(0, 1/fan_in)",
        "LeCun et al. 1998; Klambauer et al., arXiv:1706.02515",
    ),
    "variance_scaling": Described(
        weights.VarianceScaling,
        "variance scale/fan",
        "Keras and JAX VarianceScaling, with the variance of the truncated normal corrected",
    ),
    "random_walk": Described(
        weights.RandomWalk,
        "N(0, g²/n), n = fan_in, g depends on n and nonlinearity",
        "Sussillo & Abbott, arXiv:1412.6558",
    ),
    "hadamard": Described(
        weights.Hadamard,
        "I; more rows than columns: 2^(−(m−1)/2)·H, m = ⌈log₂ rows⌉",
        "ZerO; Zhao, Schäfer & Anandkumar, arXiv:2110.12661",
    ),
    "orthogonal": Described(
        weights.Orthogonal,
        "gain·Q, Q uniform (Haar)",
        "Saxe et al., arXiv:1312.6120; Stewart, SIAM J. Numer. Anal. 17, 1980",
    ),
    "sparse": Described(
        weights.Sparse,
        "N(0, std²), ⌈sparsity·n⌉ zeros per unit",
        "Martens, ICML 2010; torch.nn.init.sparse_ with axis out",
    ),
    "scaled_identity": Described(
        matrices.ScaledIdentity,
        "alpha·I",
        "Le, Jaitly & Hinton, arXiv:1504.00941; alpha 0.95: Mikolov et al., arXiv:1412.7753",
    ),
    "chain": Described(
        matrices.Chain,
        "alpha on the superdiagonal",
        "Orhan & Pitkow, arXiv:1905.13715, and their NonnormalInit",
    ),
    "fbchain": Described(
        matrices.FbChain,
        "alpha on the superdiagonal, beta on the subdiagonal",
        "Orhan & Pitkow, arXiv:1905.13715, and their NonnormalInit",
    ),
    "ramp": Described(
        matrices.Ramp,
        "gate g: alpha on the superdiagonal; others: end·(column − row)/(hidden_size − 1)",
        "Orhan & Pitkow, arXiv:1905.13715, and their ramp_init",
    ),
    "henaff_rotation": Described(
        matrices.HenaffRotation,
        "2 × 2 rotations along the diagonal, angles ~ U(−π, π)",
        "Henaff, Szlam & LeCun, arXiv:1602.06662; expRNN's henaff_init_",
    ),
    "cayley_rotation": Described(
        matrices.CayleyRotation,
        "(I + A)⁻¹(I − A) = 2 × 2 rotations along the diagonal, angles ~ U(low, high)",
        "Helfrich, Willmott & Ye, arXiv:1707.09520",
    ),
    "fsi": Described(
        matrices.Fsi,
        "U(±√3·radius/√n), n = ⌈connectivity·hidden_size⌉ per row, else 0",
        "Gallicchio, Micheli & Pedrelli, ESANN 2020; reservoirpy's FSI",
    ),
    "critical": Described(
        matrices.Critical,
        "tanh: σ·Q with χ = 1; gates g, n: N(0, g²/hidden_size) with the requested ρ of the Jacobian at 0",
        "Chen, Pennington & Schoenholz, arXiv:1806.05394; Fioratti et al., arXiv:2605.10650",
    ),
    "spectral_band": Described(
        dense.SpectralBand,
        "U·diag(s)·Vᵀ, U and V uniform (Haar), s ~ U(1 ± margin)",
        "Vorontsov et al., arXiv:1702.00071",
    ),
    "lsuv": Described(
        dense.Lsuv,
        "Q/√Var(Q·x), Q uniform (Haar), x ~ N(0, 1)",
        "Mishkin & Matas, arXiv:1511.06422",
    ),
    "spectral_radius": Described(
        dense.SpectralRadius,
        "A·radius/ρ(A), A normal, sparse or a ring",
        "Jaeger, GMD Report 148, 2001; Sutskever et al., ICML 2013",
    ),
    "np_rnn": Described(
        dense.NpRnn,
        "(A + I)/λ_max(A + I), A = RᵀR/hidden_size, R ~ N(0, 1)",
        "Talathi & Vartak, arXiv:1511.03771",
    ),
    "skew": Described(
        dense.Skew,
        "exp(epsilon·(M − Mᵀ − gamma·I)), M ~ N(0, std²/hidden_size)",
        "after Chang et al., arXiv:1902.09689",
    ),
    "ring_spectrum": Described(
        dense.RingSpectrum,
        "eigenvalues |λ| = √(u·(r_max² − r_min²) + r_min²), u ~ U(0, 1), phases ~ U(0, 2π)",
        "Orvieto et al., arXiv:2303.06349",
    ),
}

BIASES: Mapping[str, Described] = {
    "pytorch": Described(
        biases.PytorchBias, "U(±1/√hidden_size), both", "torch.nn.RNNBase.reset_parameters"
    ),
    "zeros": Described(biases.ZerosBias, "0", "Keras, Flax"),
    "constant": Described(biases.ConstantBias, "total = value", TORCH),
    "array": Described(inline.ArrayBias, "total = values", "your own"),
    "uniform": Described(biases.UniformBias, "total ~ U(low, high)", TORCH),
    "normal": Described(biases.NormalBias, "total ~ N(mean, std²)", TORCH),
    "forget": Described(
        biases.ForgetBias,
        "total of gate f (LSTM) or z (GRU) = value, else 0",
        "Gers, Schmidhuber & Cummins 2000; Jozefowicz, Zaremba & Sutskever, ICML 2015",
    ),
    "chrono": Described(
        biases.ChronoBias,
        "b_f = −b_i (LSTM) or b_z (GRU) = log(T − 1), T ~ U(t_min, t_max), else 0",
        "Tallec & Ollivier, arXiv:1804.11188",
    ),
    "chrono_forget_only": Described(
        biases.ChronoForgetOnlyBias,
        "b_f (LSTM) or b_z (GRU) = log(T − 1), T ~ U(t_min, t_max), else 0",
        "van der Westhuizen & Lasenby, arXiv:1804.04849",
    ),
    "ugi": Described(
        biases.UgiBias,
        "σ(b_f) (LSTM) or σ(b_z) (GRU) ~ U(1/hidden_size, 1 − 1/hidden_size), else 0",
        "Gu et al., arXiv:1910.09890",
    ),
    "out_gate_ladder": Described(
        biases.OutGateLadderBias,
        "b_o = −step·(k + 1) in block k (LSTM), else 0",
        "Hochreiter & Schmidhuber, Neural Computation 9(8), 1997",
    ),
}

SCRIPTS: Mapping[str, Described] = {
    "numpy_randn": Described(
        scripts.NumpyRandn,
        "weights N(0, scale²), biases 0; bit-identical to NumPy's",
        "numpy.random.seed, numpy.random.randn",
    ),
    "torch_seeded": Described(
        scripts.TorchSeeded,
        "U(±1/√hidden_size), then the functions named; bit-identical to torch's",
        "torch.manual_seed, torch.nn.RNNBase.reset_parameters, torch.nn.init",
    ),
}
