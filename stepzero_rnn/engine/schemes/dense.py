"""From each scheme that takes linear algebra to the law of one block."""

from __future__ import annotations

from math import sqrt

from stepzero_rnn.engine.elements.rotations import Rotations
from stepzero_rnn.engine.laws.scaled import PositiveDefinite, SpectralRadius, UnitOutput
from stepzero_rnn.engine.laws.spectra import RandomBasis, SkewExponential, SpectralBand
from stepzero_rnn.engine.words.scalars import exp
from stepzero_rnn.plan import Block
from stepzero_rnn.spec.schemes import dense as ask

FEW_CONNECTIONS = 15  # of a unit, as Sutskever et al. have it


def spectral_band(scheme: ask.SpectralBand, block: Block) -> SpectralBand:
    """U·diag(s)·Vᵀ."""
    return SpectralBand(scheme.margin, block.rows, block.cols)


def lsuv(scheme: ask.Lsuv, block: Block) -> UnitOutput:
    """Haar, scaled until the outputs have variance 1."""
    return UnitOutput(scheme.probe, block.rows, block.cols)


def spectral_radius(scheme: ask.SpectralRadius, block: Block) -> SpectralRadius:
    """A·radius/ρ(A)."""
    connections = scheme.connections or FEW_CONNECTIONS
    return SpectralRadius(scheme.radius, scheme.kind, connections, block.rows)


def np_rnn(scheme: ask.NpRnn, block: Block) -> PositiveDefinite:
    """(A + I)/λ."""
    return PositiveDefinite(block.rows)


def skew(scheme: ask.Skew, block: Block) -> SkewExponential:
    """exp(−epsilon·gamma)·exp(epsilon·(M − Mᵀ))."""
    scale = scheme.epsilon * scheme.std / sqrt(block.rows)
    return SkewExponential(scale, exp(-scheme.epsilon * scheme.gamma), block.rows)


def ring_spectrum(scheme: ask.RingSpectrum, block: Block) -> Rotations | RandomBasis:
    """Rotations by any angle, scaled by radii between two."""
    blocks = Rotations(block.rows, 0.0, 1.0, scheme.r_min, scheme.r_max)
    return blocks if scheme.basis == "blocks" else RandomBasis(blocks)
