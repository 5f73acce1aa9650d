"""The law of one gate's total bias for each bias scheme of a gated network."""

from __future__ import annotations

from stepzero_rnn.engine.elements.distributions import ElementLaw, LogitUniform, LogUniform
from stepzero_rnn.engine.elements.patterns import Constant, Ladder
from stepzero_rnn.plan import Block
from stepzero_rnn.spec.schemes import biases as ask


def forget(scheme: ask.ForgetBias, block: Block) -> Constant:
    return Constant(scheme.value if _keeps(block) else 0.0)


def chrono(scheme: ask.ChronoBias | ask.ChronoForgetOnlyBias, block: Block) -> ElementLaw:
    sign = _sign(scheme, block)
    return LogUniform(scheme.t_min - 1, scheme.t_max - 1, sign) if sign else Constant(0.0)


def ugi(scheme: ask.UgiBias, block: Block) -> ElementLaw:
    sign = _sign(scheme, block)
    return LogitUniform(block.hidden_size, sign) if sign else Constant(0.0)


def out_gate_ladder(scheme: ask.OutGateLadderBias, block: Block) -> ElementLaw:
    if block.role != "output":
        return Constant(0.0)
    return Ladder(-scheme.step, scheme.blocks, block.hidden_size)


def _keeps(block: Block) -> bool:
    return block.role == "retention"


def _sign(scheme: ask.BiasScheme, block: Block) -> float:
    """Return 1 for the retention gate, −1 for an input gate tied to it, 0 for the others."""
    if _keeps(block):
        return 1.0
    return -1.0 if block.role == "write" and scheme.ties_input_gate else 0.0
