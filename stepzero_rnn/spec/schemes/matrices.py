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
    """Base of the schemes of a square recurrent matrix: for `weight_hh` only, gate by gate."""

    parameters: ClassVar[tuple[str, ...]] = ("weight_hh",)
    scope: ClassVar[Literal["gate", "fused"]] = "gate"

    @property
    def is_square(self) -> bool:
        """Yes."""
        return True


class ScaledIdentity(RecurrentScheme):
    """`alpha` times the identity: the state persists, or decays slowly (Le et al. 2015; Mikolov et
    al. 2014).

    IRNN uses 1 (0.01 for speech), the slow units of an SCRN 0.95.
    """

    formula: ClassVar[str] = "alpha·I"
    source: ClassVar[str] = (
        "Le, Jaitly & Hinton, arXiv:1504.00941; alpha 0.95: Mikolov et al., arXiv:1412.7753"
    )

    scheme: Literal["scaled_identity"] = "scaled_identity"
    alpha: Number = Field(default=1.0, description="The value on the diagonal.")


class Chain(RecurrentScheme):
    """`alpha` on the superdiagonal: a non-normal chain that passes its input along (Orhan &
    Pitkow 2019).

    The paper's input weights are `identity` with gain 0.9.
    """

    formula: ClassVar[str] = "alpha on the superdiagonal"
    source: ClassVar[str] = "Orhan & Pitkow, arXiv:1905.13715, and their NonnormalInit"

    scheme: Literal["chain"] = "chain"
    alpha: Number = Field(default=1.02, description="The value on the superdiagonal.")


class FbChain(RecurrentScheme):
    """A chain with feedback: `alpha` on the superdiagonal, `beta` on the subdiagonal (Orhan &
    Pitkow 2019).
    """

    formula: ClassVar[str] = "alpha on the superdiagonal, beta on the subdiagonal"
    source: ClassVar[str] = "Orhan & Pitkow, arXiv:1905.13715, and their NonnormalInit"

    scheme: Literal["fbchain"] = "fbchain"
    alpha: Number = Field(default=0.99, description="The value on the superdiagonal.")
    beta: Number = Field(default=0.04, description="The value on the subdiagonal.")


class Ramp(RecurrentScheme):
    """An LSTM's chain: `alpha` on the superdiagonal of the cell gate; the other gates rise from
    −`end` to `end` across the diagonals (Orhan & Pitkow 2019).
    """

    rnn_types: ClassVar[tuple[str, ...]] = ("lstm",)
    needs: ClassVar[str] = "cell gate; use chain"
    formula: ClassVar[str] = (
        "gate g: alpha on the superdiagonal; others: end·(column − row)/(hidden_size − 1)"
    )
    source: ClassVar[str] = "Orhan & Pitkow, arXiv:1905.13715, and their ramp_init"

    scheme: Literal["ramp"] = "ramp"
    alpha: Number = Field(default=1.02, description="The value on the cell gate's superdiagonal.")
    end: Number = Field(
        default=0.01, description="The value in the upper right corner of the other gates."
    )


class HenaffRotation(RecurrentScheme):
    """Rotations of pairs of units by angles uniform on (−π, π): orthogonal, block-diagonal (Henaff
    et al. 2016).
    """

    formula: ClassVar[str] = "2 × 2 rotations along the diagonal, angles ~ U(−π, π)"
    source: ClassVar[str] = "Henaff, Szlam & LeCun, arXiv:1602.06662; expRNN's henaff_init_"

    scheme: Literal["henaff_rotation"] = "henaff_rotation"


class CayleyRotation(RecurrentScheme, Bounds):
    """Rotations of pairs of units by angles uniform on [low, high), by default (0, π/2):
    orthogonal, block-diagonal (Helfrich et al. 2018).
    """

    formula: ClassVar[str] = (
        "(I + A)⁻¹(I − A) = 2 × 2 rotations along the diagonal, angles ~ U(low, high)"
    )
    source: ClassVar[str] = "Helfrich, Willmott & Ye, arXiv:1707.09520"

    scheme: Literal["cayley_rotation"] = "cayley_rotation"
    low: Number = Field(default=0.0, ge=-pi, le=pi, description="Smallest angle, in radians.")
    high: Number = Field(default=pi / 2, ge=-pi, le=pi, description="Largest angle, in radians.")


class Fsi(RecurrentScheme):
    """Fast spectral initialization: uniform on ±radius·√3/√n with n connections per unit, so that
    the spectral radius is near `radius` (Gallicchio et al. 2020).
    """

    formula: ClassVar[str] = "U(±√3·radius/√n), n = ⌈connectivity·hidden_size⌉ per row, else 0"
    source: ClassVar[str] = "Gallicchio, Micheli & Pedrelli, ESANN 2020; reservoirpy's FSI"
    cost: ClassVar[DrawCost | None] = DrawCost(8)

    scheme: Literal["fsi"] = "fsi"
    radius: Number = Field(default=0.9, gt=0, description="Spectral radius of a large matrix.")
    connectivity: Number = Field(
        default=1.0,
        gt=0,
        le=1,
        description="Fraction of each row (hidden unit) that is nonzero, rounded up.",
    )

    @property
    def is_elementwise(self) -> bool:
        """Yes if no element is zero."""
        return self.connectivity == 1


class Critical(RecurrentScheme):
    """Initialization at the edge between vanishing and exploding signals, computed from the
    network's nonlinearity or gate biases.

    A plain tanh network: σ times a Haar matrix, with σ such that χ = 1 (Chen et al. 2018).  An LSTM
    or GRU: the candidate gate's block is normal, scaled so that the Jacobian at the origin has the
    requested spectral radius.
    """

    nonlinearities: ClassVar[tuple[str, ...]] = ("tanh",)
    needs: ClassVar[str] = (
        "bounded activation; use orthogonal with gain 1.4142135623730951, at which relu is critical"
    )
    formula: ClassVar[str] = (
        "tanh: σ·Q with χ = 1; gates g, n: N(0, g²/hidden_size) with the requested ρ of the Jacobian at 0"
    )
    source: ClassVar[str] = (
        "Chen, Pennington & Schoenholz, arXiv:1806.05394; Fioratti et al., arXiv:2605.10650"
    )
    cost: ClassVar[DrawCost | None] = DrawCost(12, 1)

    scheme: Literal["critical"] = "critical"
    input_variance: Number = Field(
        default=0.0,
        ge=0,
        le=1e6,
        description="For a plain RNN: variance of the input and bias contribution to a unit.",
    )
    target_rho: Number | None = Field(
        default=None,
        gt=0,
        le=100,
        description="For a gated network: spectral radius at the origin, 1 by default.",
    )
    target_memory_steps: Number | None = Field(
        default=None,
        gt=0,
        le=1e9,
        description="Instead of the radius: steps after which the slowest memory has decayed to 1/e.",
    )

    @model_validator(mode="after")
    def _one_target_is_enough(self) -> Self:
        if self.target_rho is not None and self.target_memory_steps is not None:
            raise refusal(
                "two_targets",
                "radius and memory steps determine each other: radius = exp(−1/steps)",
                field="/target_memory_steps",
                given=self.target_memory_steps,
                allowed="one of target_rho and target_memory_steps",
            )
        return self
