"""The init schemes of square recurrent matrices: one small model each.

Each fills the block (hidden_size, hidden_size) of every gate of `weight_hh`.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from app.spec.base import InitScheme, Number


class RecurrentScheme(InitScheme):
    """What the schemes of a square recurrent matrix share: it stands in `weight_hh` alone, gate by gate."""

    parameters: ClassVar[tuple[str, ...]] = ("weight_hh",)
    scope: ClassVar[Literal["gate", "fused"]] = "gate"

    @property
    def is_square(self) -> bool:
        """Always."""
        return True


class ScaledIdentity(RecurrentScheme):
    """`alpha` times the identity: a state that stays, or fades slowly (Le et al. 2015; Mikolov et al. 2014).

    1 is IRNN's, 0.95 that of the slow units of an SCRN, 0.01 IRNN's for speech.
    """

    scheme: Literal["scaled_identity"] = "scaled_identity"
    alpha: Number = Field(default=1.0, description="The value on the diagonal.")
