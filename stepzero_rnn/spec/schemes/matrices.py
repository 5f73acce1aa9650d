"""The init schemes of square recurrent matrices: one small model each.

Each fills the block (hidden_size, hidden_size) of every gate of `weight_hh`.
"""

from __future__ import annotations

from math import pi
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from stepzero_rnn.spec.base import DrawCost, InitScheme, Number, refusal
from stepzero_rnn.spec.schemes.weights import Bounds


class RecurrentScheme(InitScheme):
    """What the schemes of a square recurrent matrix share: it stands in `weight_hh` alone, gate by
    gate.
    """

    parameters: ClassVar[tuple[str, ...]] = ("weight_hh",)
    scope: ClassVar[Literal["gate", "fused"]] = "gate"

    @property
    def is_square(self) -> bool:
        """Always."""
        return True


class ScaledIdentity(RecurrentScheme):
    """`alpha` times the identity: a state that stays, or fades slowly (Le et al. 2015; Mikolov et
    al. 2014).

    1 is IRNN's, 0.95 that of the slow units of an SCRN, 0.01 IRNN's for speech.
    """

    scheme: Literal["scaled_identity"] = "scaled_identity"
    alpha: Number = Field(default=1.0, description="The value on the diagonal.")


class Chain(RecurrentScheme):
    """`alpha` right above the diagonal: a non-normal chain that passes its input along (Orhan &
    Pitkow 2019).

    Their input weights are `identity` with gain 0.9.
    """

    scheme: Literal["chain"] = "chain"
    alpha: Number = Field(default=1.02, description="The value above the diagonal.")


class FbChain(RecurrentScheme):
    """A chain with feedback: `alpha` right above the diagonal, `beta` right below it (Orhan &
    Pitkow 2019).
    """

    scheme: Literal["fbchain"] = "fbchain"
    alpha: Number = Field(default=0.99, description="The value above the diagonal.")
    beta: Number = Field(default=0.04, description="The value below the diagonal.")


class Ramp(RecurrentScheme):
    """An LSTM's chain: `alpha` above the diagonal of the cell gate; the other gates rise from
    −`end` to `end` across the diagonals (Orhan & Pitkow 2019).
    """

    rnn_types: ClassVar[tuple[str, ...]] = ("lstm",)
    needs: ClassVar[str] = "cell gate; use chain"
    scheme: Literal["ramp"] = "ramp"
    alpha: Number = Field(default=1.02, description="The value above the cell gate's diagonal.")
    end: Number = Field(
        default=0.01, description="The value in the upper right corner of the other gates."
    )


class HenaffRotation(RecurrentScheme):
    """Rotations of pairs of units by angles uniform on (−π, π): orthogonal, block-diagonal (Henaff
    et al. 2016).
    """

    scheme: Literal["henaff_rotation"] = "henaff_rotation"


class CayleyRotation(RecurrentScheme, Bounds):
    """Rotations of pairs of units by angles uniform on [low, high), (0, π/2) unless given:
    orthogonal, block-diagonal (Helfrich et al. 2018).
    """

    scheme: Literal["cayley_rotation"] = "cayley_rotation"
    low: Number = Field(default=0.0, ge=-pi, le=pi, description="Smallest angle, in radians.")
    high: Number = Field(default=pi / 2, ge=-pi, le=pi, description="Largest angle, in radians.")


class Fsi(RecurrentScheme):
    """Fast spectral initialization: uniform on ±radius·√3/√n, n connections per unit, so that the
    spectral radius is near `radius` (Gallicchio et al. 2020).
    """

    cost: ClassVar[DrawCost | None] = DrawCost(8)

    scheme: Literal["fsi"] = "fsi"
    radius: Number = Field(default=0.9, gt=0, description="Spectral radius of a large matrix.")
    connectivity: Number = Field(
        default=1.0,
        gt=0,
        le=1,
        description="Share of each row (hidden unit) that is not zero, rounded up.",
    )

    @property
    def is_elementwise(self) -> bool:
        """Where no element is zero."""
        return self.connectivity == 1


class Critical(RecurrentScheme):
    """A start on the edge between forgetting and exploding, solved from the network's nonlinearity
    or gate biases.

    A plain tanh network: σ times a Haar matrix, σ such that χ = 1 (Chen et al. 2018).  An LSTM or
    GRU: the candidate gate's block is normal, scaled so that the Jacobian at the origin has the
    spectral radius asked for.
    """

    nonlinearities: ClassVar[tuple[str, ...]] = ("tanh",)
    needs: ClassVar[str] = (
        "bounded activation; use orthogonal with gain 1.4142135623730951, at which relu is critical"
    )
    cost: ClassVar[DrawCost | None] = DrawCost(12, 1)

    scheme: Literal["critical"] = "critical"
    input_variance: Number = Field(
        default=0.0,
        ge=0,
        le=1e6,
        description="A plain network's variance of what the input and the bias add to a unit.",
    )
    target_rho: Number | None = Field(
        default=None,
        gt=0,
        le=100,
        description="A gated network's spectral radius at the origin, 1 unless given.",
    )
    target_memory_steps: Number | None = Field(
        default=None,
        gt=0,
        le=1e9,
        description="Instead of the radius: after how many steps the slowest memory has faded to 1/e.",
    )

    @model_validator(mode="after")
    def _one_target_is_enough(self) -> Self:
        if self.target_rho is not None and self.target_memory_steps is not None:
            raise refusal(
                "two_targets",
                "a radius and a memory are two ways to say one thing: radius = exp(−1/steps)",
                field="/target_memory_steps",
                given=self.target_memory_steps,
                allowed="one of target_rho and target_memory_steps",
            )
        return self
