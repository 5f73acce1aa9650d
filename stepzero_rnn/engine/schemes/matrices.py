"""The law of one square block, for each scheme of a recurrent matrix."""

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
    return Diagonal(scheme.alpha, block.rows, block.cols)


def chain(scheme: ask.Chain, block: Block) -> Bands:
    return Bands(scheme.alpha, 0.0, block.rows)


def fbchain(scheme: ask.FbChain, block: Block) -> Bands:
    return Bands(scheme.alpha, scheme.beta, block.rows)


def ramp(scheme: ask.Ramp, block: Block) -> Bands | Ramp:
    """Return a chain for the cell gate, and a gentle slope across the diagonals for the others."""
    if block.role == "candidate":
        return Bands(scheme.alpha, 0.0, block.rows)
    return Ramp(scheme.end, block.rows)


def henaff_rotation(scheme: ask.HenaffRotation, block: Block) -> Rotations:
    """Return rotations by any angle, in turns."""
    return Rotations(block.rows, -0.5, 0.5)


def cayley_rotation(scheme: ask.CayleyRotation, block: Block) -> Rotations:
    """Return rotations by angles from `low` to `high`, converted from radians to turns.

    The Cayley transform of [[0, s], [−s, 0]] with s = tan(angle/2) is the rotation by that angle.
    """
    return Rotations(block.rows, scheme.low / (2 * pi), scheme.high / (2 * pi))


def fsi(scheme: ask.Fsi, block: Block) -> Uniform | Sparse:
    """Return U(±a) with n nonzero elements per row, each with a variance of radius²/n.

    By the circular law, the eigenvalues then fill a disk of that radius.
    """
    connections = share_of(block.cols, scheme.connectivity)
    drawn = symmetric(scheme.radius * sqrt(3 / connections))
    if scheme.connectivity == 1:
        return drawn
    return Sparse(drawn, block.cols - connections, "in", block.rows, block.cols)
