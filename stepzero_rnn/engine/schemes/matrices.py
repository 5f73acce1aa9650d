"""From each scheme of a recurrent matrix to the law of one square block."""

from __future__ import annotations

from math import pi, sqrt

from stepzero_rnn.engine.elements.distributions import Uniform
from stepzero_rnn.engine.elements.patterns import Bands, Diagonal, Ramp
from stepzero_rnn.engine.elements.rotations import Rotations
from stepzero_rnn.engine.laws.sparse import Sparse
from stepzero_rnn.engine.schemes.record import symmetric
from stepzero_rnn.engine.words.scalars import share_of
from stepzero_rnn.plan import Block
from stepzero_rnn.spec.schemes import matrices as ask


def scaled_identity(scheme: ask.ScaledIdentity, block: Block) -> Diagonal:
    """alpha·I."""
    return Diagonal(scheme.alpha, block.rows, block.cols)


def chain(scheme: ask.Chain, block: Block) -> Bands:
    """Alpha above the diagonal."""
    return Bands(scheme.alpha, 0.0, block.rows)


def fbchain(scheme: ask.FbChain, block: Block) -> Bands:
    """Alpha above the diagonal, beta below it."""
    return Bands(scheme.alpha, scheme.beta, block.rows)


def ramp(scheme: ask.Ramp, block: Block) -> Bands | Ramp:
    """A chain in the cell gate, a gentle slope across the diagonals in the others."""
    if block.role == "candidate":
        return Bands(scheme.alpha, 0.0, block.rows)
    return Ramp(scheme.end, block.rows)


def henaff_rotation(scheme: ask.HenaffRotation, block: Block) -> Rotations:
    """Rotations by any angle."""
    return Rotations(block.rows, -0.5, 0.5)


def cayley_rotation(scheme: ask.CayleyRotation, block: Block) -> Rotations:
    """The Cayley transform of [[0, s], [−s, 0]], s = tan(angle/2), is the rotation by that
    angle.
    """
    return Rotations(block.rows, scheme.low / (2 * pi), scheme.high / (2 * pi))


def fsi(scheme: ask.Fsi, block: Block) -> Uniform | Sparse:
    """U(±a), n elements of a row with a variance of radius²/n each: where the circular law ends."""
    connections = share_of(block.cols, scheme.connectivity)
    drawn = symmetric(scheme.radius * sqrt(3 / connections))
    if scheme.connectivity == 1:
        return drawn
    return Sparse(drawn, block.cols - connections, "in", block.rows, block.cols)
