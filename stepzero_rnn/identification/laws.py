"""The test of each law: one table, from the engine's law to what is tested in a block.

A law that has no test is one that any values fit; the table says why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stepzero_rnn.engine.elements.distributions import (
    CutNormal,
    LogitUniform,
    LogUniform,
    Normal,
    Uniform,
)
from stepzero_rnn.engine.elements.patterns import (
    Bands,
    Constant,
    Diagonal,
    Hadamard,
    Ladder,
    Ramp,
)
from stepzero_rnn.engine.elements.rotations import Rotations
from stepzero_rnn.engine.laws.matrix_laws import LiteralValues
from stepzero_rnn.engine.laws.orthogonal import Orthogonal
from stepzero_rnn.engine.laws.scaled import PositiveDefinite, SpectralRadius, UnitOutput
from stepzero_rnn.engine.laws.scripts import Replay
from stepzero_rnn.engine.laws.sparse import Sparse
from stepzero_rnn.engine.laws.spectra import RandomBasis, SkewExponential, SpectralBand
from stepzero_rnn.identification import elementwise, patterns, spectral
from stepzero_rnn.identification.outcome import Outcome
from stepzero_rnn.identification.values import BlockValues

TESTS: Mapping[type, Callable[[Any, BlockValues], Outcome | None]] = {
    Uniform: elementwise.independent,
    Normal: elementwise.independent,
    CutNormal: elementwise.independent,
    LogUniform: elementwise.independent,
    LogitUniform: elementwise.independent,
    Constant: patterns.equal,
    Diagonal: patterns.equal,
    Hadamard: patterns.equal,
    Ladder: patterns.equal,
    Bands: patterns.equal,
    Ramp: patterns.equal,
    Rotations: patterns.rotated,
    Sparse: patterns.sparse,
    Orthogonal: spectral.orthogonal,
    UnitOutput: spectral.unit_output,
    SpectralBand: spectral.spectral_band,
    SpectralRadius: spectral.spectral_radius,
    PositiveDefinite: spectral.positive_definite,
    SkewExponential: spectral.skew_exponential,
    RandomBasis: spectral.random_basis,
}

UNTESTED: Mapping[type, str] = {
    LiteralValues: "any values are literal values",
    Replay: "a script's values follow the laws of the functions that it calls, and are named so",
}
