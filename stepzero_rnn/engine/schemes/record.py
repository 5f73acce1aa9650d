"""The record of one scheme, and the laws that weights and biases share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from stepzero_rnn.engine.elements.distributions import ElementLaw, Uniform
from stepzero_rnn.engine.laws.matrix_laws import LiteralValues, MatrixLaw
from stepzero_rnn.engine.laws.scripts import Replay
from stepzero_rnn.plan import Block
from stepzero_rnn.spec.base import InitScheme
from stepzero_rnn.spec.schemes.inline import Array, ArrayBias

WholeLaw = MatrixLaw | Replay  # draws all elements at once


@dataclass(frozen=True, slots=True)
class Scheme:
    """One way to fill a block.

    `law` maps the request's model and a block to the law of the block, which knows its standard
    deviation.
    """

    spec: type[InitScheme]
    law: Callable[[Any, Block], ElementLaw | WholeLaw]


def symmetric(bound: float) -> Uniform:
    """Return the uniform law on ±bound."""
    return Uniform(-bound, bound)


def pytorch(scheme: Any, block: Block) -> Uniform:
    """Return the law of `reset_parameters` of torch.nn.RNNBase."""
    return symmetric(1 / sqrt(block.hidden_size))


def array(scheme: Array | ArrayBias, block: Block) -> LiteralValues:
    """Return the law of literal values in the recipe."""
    return LiteralValues(np.array(scheme.values, np.float64))
