"""The law of one block for each scheme that needs linear algebra."""

from __future__ import annotations

from math import sqrt

from stepzero_rnn.engine.elements.rotations import Rotations
from stepzero_rnn.engine.laws.scaled import PositiveDefinite, SpectralRadius, UnitOutput
from stepzero_rnn.engine.laws.spectra import RandomBasis, SkewExponential, SpectralBand
from stepzero_rnn.engine.words.scalars import exp
from stepzero_rnn.plan import Block
from stepzero_rnn.spec.schemes import dense as ask

DEFAULT_CONNECTIONS = 15  # per unit, as in Sutskever et al. 2013


def spectral_band(scheme: ask.SpectralBand, block: Block) -> SpectralBand:
    return SpectralBand(scheme.margin, block.rows, block.cols)


def lsuv(scheme: ask.Lsuv, block: Block) -> UnitOutput:
    return UnitOutput(scheme.probe, block.rows, block.cols)


def spectral_radius(scheme: ask.SpectralRadius, block: Block) -> SpectralRadius:
    connections = scheme.connections or DEFAULT_CONNECTIONS
    return SpectralRadius(scheme.radius, scheme.kind, connections, block.rows)


def np_rnn(scheme: ask.NpRnn, block: Block) -> PositiveDefinite:
    return PositiveDefinite(block.rows)


def skew(scheme: ask.Skew, block: Block) -> SkewExponential:
    scale = scheme.epsilon * scheme.std / sqrt(block.rows)
    return SkewExponential(scale, exp(-scheme.epsilon * scheme.gamma), block.rows)


def ring_spectrum(scheme: ask.RingSpectrum, block: Block) -> Rotations | RandomBasis:
    blocks = Rotations(block.rows, 0.0, 1.0, scheme.r_min, scheme.r_max)
    return blocks if scheme.basis == "blocks" else RandomBasis(blocks)
