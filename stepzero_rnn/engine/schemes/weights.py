"""The law of one block for each weight scheme, with the block's own fans."""

from __future__ import annotations

from math import sqrt
from typing import Any

from stepzero_rnn.engine.elements.distributions import CutNormal, ElementLaw, Normal, Uniform
from stepzero_rnn.engine.elements.patterns import Constant, Diagonal, Hadamard
from stepzero_rnn.engine.laws.orthogonal import Orthogonal
from stepzero_rnn.engine.laws.sparse import Sparse
from stepzero_rnn.engine.schemes.record import symmetric
from stepzero_rnn.engine.words.scalars import exp, share_of, truncated_std
from stepzero_rnn.plan import Block
from stepzero_rnn.spec.schemes import weights as ask
from stepzero_rnn.spec.schemes.biases import ConstantBias


def uniform(scheme: ask.Bounds, block: Block) -> Uniform:
    return Uniform(scheme.low, scheme.high)


def normal(scheme: ask.MeanStd, block: Block) -> Normal:
    return Normal(scheme.mean, scheme.std)


def trunc_normal(scheme: ask.TruncNormal, block: Block) -> CutNormal:
    spread = scheme.std / truncated_std(*scheme.cut) if scheme.std_correct else scheme.std
    return CutNormal(scheme.mean, spread, *scheme.cut)


def constant(scheme: ask.Constant | ConstantBias, block: Block) -> Constant:
    return Constant(scheme.value)


def zeros(scheme: Any, block: Block) -> Constant:
    return Constant(0.0)


def ones(scheme: ask.Ones, block: Block) -> Constant:
    return Constant(1.0)


def identity(scheme: ask.Identity, block: Block) -> Diagonal:
    return Diagonal(scheme.gain, block.rows, block.cols)


def xavier_uniform(scheme: ask.XavierUniform, block: Block) -> Uniform:
    return symmetric(scheme.gain * sqrt(6 / (block.fan_in + block.fan_out)))


def xavier_normal(scheme: ask.XavierNormal, block: Block) -> Normal:
    return Normal(0.0, scheme.gain * sqrt(2 / (block.fan_in + block.fan_out)))


def kaiming_uniform(scheme: ask.KaimingUniform, block: Block) -> Uniform:
    return symmetric(_gain(scheme) * sqrt(3 / _fan(scheme.mode, block)))


def kaiming_normal(scheme: ask.KaimingNormal, block: Block) -> Normal:
    return Normal(0.0, _gain(scheme) * sqrt(1 / _fan(scheme.mode, block)))


def lecun_uniform(scheme: ask.LecunUniform, block: Block) -> Uniform:
    return symmetric(sqrt(3 / block.fan_in))


def lecun_normal(scheme: ask.LecunNormal, block: Block) -> Normal:
    return Normal(0.0, sqrt(1 / block.fan_in))


def variance_scaling(scheme: ask.VarianceScaling, block: Block) -> ElementLaw:
    std = sqrt(scheme.scale / _fan(scheme.mode, block))
    match scheme.distribution:
        case "uniform":
            return symmetric(sqrt(3) * std)
        case "normal":
            return Normal(0.0, std)
        case "truncated_normal":
            spread = std / truncated_std(-2, 2) if scheme.std_correct else std
            return CutNormal(0.0, spread, -2.0, 2.0)


def random_walk(scheme: ask.RandomWalk, block: Block) -> Normal:
    n = _fan(scheme.mode, block)
    gain = {
        "linear": exp(1 / (2 * n)),
        "tanh": 1.13,
        "relu": sqrt(2) * exp(1.2 / (max(n, 6) - 2.4)),
    }
    return Normal(0.0, gain[scheme.nonlinearity] / sqrt(n))


def hadamard(scheme: ask.Hadamard, block: Block) -> Diagonal | Hadamard:
    """The identity, or part of a Hadamard matrix if the block has more rows than columns."""
    if block.rows > block.cols:
        return Hadamard(block.rows, block.cols)
    return Diagonal(1.0, block.rows, block.cols)


def orthogonal(scheme: ask.Orthogonal, block: Block) -> Orthogonal:
    return Orthogonal(scheme.gain, block.rows, block.cols, scheme.is_square)


def sparse(scheme: ask.Sparse, block: Block) -> Sparse:
    connections = block.cols if scheme.axis == "in" else block.rows
    zeros = share_of(connections, scheme.sparsity)
    return Sparse(Normal(0.0, scheme.std), zeros, scheme.axis, block.rows, block.cols)


def _fan(mode: str, block: Block) -> float:
    match mode:
        case "fan_in":
            return block.fan_in
        case "fan_out":
            return block.fan_out
        case "fan_avg":
            return (block.fan_in + block.fan_out) / 2
        case _:
            return sqrt(block.fan_in * block.fan_out)


def _gain(scheme: ask.KaimingUniform | ask.KaimingNormal) -> float:
    """Return torch.nn.init.calculate_gain of the scheme's nonlinearity."""
    match scheme.nonlinearity:
        case "linear" | "sigmoid":
            return 1.0
        case "tanh":
            return 5 / 3
        case "relu":
            return sqrt(2)
        case "leaky_relu":
            return sqrt(2 / (1 + scheme.a * scheme.a))
        case "selu":
            return 0.75
