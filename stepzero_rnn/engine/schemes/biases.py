"""From each bias scheme of a gated network to the law of one gate's total."""

from __future__ import annotations

from stepzero_rnn.engine.elements.distributions import ElementLaw, LogitUniform, LogUniform
from stepzero_rnn.engine.elements.patterns import Constant, Ladder
from stepzero_rnn.plan import Block
from stepzero_rnn.spec.schemes import biases as ask


def forget(scheme: ask.ForgetBias, block: Block) -> Constant:
    """The value in the keeping gate."""
    return Constant(scheme.value if _keeps(block) else 0.0)


def chrono(scheme: ask.ChronoBias | ask.ChronoForgetOnlyBias, block: Block) -> ElementLaw:
    """ln(T − 1), T uniform on [t_min, t_max], in the keeping gate."""
    sign = _sign(scheme, block)
    return LogUniform(scheme.t_min - 1, scheme.t_max - 1, sign) if sign else Constant(0.0)


def ugi(scheme: ask.UgiBias, block: Block) -> ElementLaw:
    """ln(u/(1 − u)), u uniform on [1/hidden_size, 1 − 1/hidden_size], in the keeping gate."""
    sign = _sign(scheme, block)
    return LogitUniform(block.hidden_size, sign) if sign else Constant(0.0)


def out_gate_ladder(scheme: ask.OutGateLadderBias, block: Block) -> ElementLaw:
    """−step·(k + 1) in block k of the output gate."""
    if block.role != "output":
        return Constant(0.0)
    return Ladder(-scheme.step, scheme.blocks, block.hidden_size)


def _keeps(block: Block) -> bool:
    return block.role == "retention"


def _sign(scheme: ask.BiasScheme, block: Block) -> float:
    """Return 1 for the keeping gate, −1 for an input gate that is tied to it, 0 for the others."""
    if _keeps(block):
        return 1.0
    return -1.0 if block.role == "write" and scheme.ties_input_gate else 0.0
