"""Every scheme, in two literal tables: what can be asked for, how it is drawn, who says so."""

from __future__ import annotations

from collections.abc import Mapping

from app.engine.distributions import Constant, ElementLaw, Normal, Uniform
from app.engine.matrices import MatrixLaw
from app.engine.schemes import weights
from app.engine.schemes.record import Scheme, pytorch
from app.plan import KEEPING_GATE, Block, TensorPlan
from app.spec import schemes as ask

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
        "Keras and JAX VarianceScaling, with the variance of the cut put right",
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
}


def _forget(scheme: ask.ForgetBias, block: Block) -> Constant:
    return Constant(scheme.value if block.gate in KEEPING_GATE.values() else 0.0)


BIASES: Mapping[str, Scheme] = {
    "pytorch": Scheme(
        ask.PytorchBias, pytorch, "U(±1/√hidden_size), both", "torch.nn.RNNBase.reset_parameters"
    ),
    "zeros": Scheme(ask.ZerosBias, weights.zeros, "0", "Keras, Flax"),
    "constant": Scheme(ask.ConstantBias, weights.constant, "total = value", TORCH),
    "uniform": Scheme(ask.UniformBias, weights.uniform, "total ~ U(low, high)", TORCH),
    "normal": Scheme(ask.NormalBias, weights.normal, "total ~ N(mean, std²)", TORCH),
    "forget": Scheme(
        ask.ForgetBias,
        _forget,
        "total of gate f (LSTM) or z (GRU) = value, else 0",
        "Gers, Schmidhuber & Cummins 2000; Jozefowicz, Zaremba & Sutskever, ICML 2015",
    ),
}


def law_of(tensor: TensorPlan, block: Block) -> ElementLaw | MatrixLaw:
    """Give the law that a block is drawn by, a bias's share of its total counted in."""
    table = BIASES if tensor.kind in ("bias_ih", "bias_hh") else WEIGHTS
    law = table[tensor.scheme.scheme].law(tensor.scheme, block)
    return law if block.share == 1 else _scaled(law, block.share)


def _scaled(law: ElementLaw | MatrixLaw, share: float) -> ElementLaw:
    """Give the law of `share` (0 or ½, so this is exact) times a bias."""
    match law:
        case Constant():
            return Constant(law.value * share)
        case Uniform() if share:
            return Uniform(law.low * share, law.high * share)
        case Normal() if share:
            return Normal(law.mean * share, law.std * share)
        case _:
            return Constant(0.0)
