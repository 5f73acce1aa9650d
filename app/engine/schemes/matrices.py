"""From each scheme of a recurrent matrix to the law of one square block."""

from __future__ import annotations

from app.engine.distributions import Diagonal
from app.plan import Block
from app.spec import matrices as ask


def scaled_identity(scheme: ask.ScaledIdentity, block: Block) -> Diagonal:
    """alpha·I."""
    return Diagonal(scheme.alpha, block.rows, block.cols)
