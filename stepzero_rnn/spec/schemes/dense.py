"""The init schemes of weights that need linear algebra: matrix products, spectra, exponentials."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from stepzero_rnn.spec.base import DrawCost, Number, refusal
from stepzero_rnn.spec.schemes.matrices import RecurrentScheme
from stepzero_rnn.spec.schemes.weights import WeightScheme


class SpectralBand(WeightScheme):
    """U·diag(s)·Vᵀ with U and V uniformly (Haar) random and the singular values s uniform on 1 ±
    `margin` (Vorontsov et al. 2017).
    """

    formula: ClassVar[str] = "U·diag(s)·Vᵀ, U and V uniform (Haar), s ~ U(1 ± margin)"
    source: ClassVar[str] = "Vorontsov et al., arXiv:1702.00071"
    cost: ClassVar[DrawCost | None] = DrawCost(32, 3)

    scheme: Literal["spectral_band"] = "spectral_band"
    margin: Number = Field(
        default=0.1, ge=0, le=1, description="Largest distance of a singular value from 1."
    )


class Lsuv(WeightScheme):
    """A uniformly (Haar) random semi-orthogonal matrix, scaled so that its products with standard
    normal vectors have variance 1 (LSUV; Mishkin & Matas 2015).

    The vectors are drawn from the seed.  A block is linear, so a single step of the paper's loop is
    exact.
    """

    formula: ClassVar[str] = "Q/√Var(Q·x), Q uniform (Haar), x ~ N(0, 1)"
    source: ClassVar[str] = "Mishkin & Matas, arXiv:1511.06422"
    cost: ClassVar[DrawCost | None] = DrawCost(24, 1)

    scheme: Literal["lsuv"] = "lsuv"
    probe: int = Field(
        default=256,
        ge=16,
        le=65_536,
        description="Number of vectors that the variance is computed over.",
    )


class SpectralRadius(RecurrentScheme):
    """A random matrix, scaled so that its largest eigenvalue has the absolute value `radius`: the
    initialization of echo state networks (Jaeger 2001).
    """

    formula: ClassVar[str] = "A·radius/ρ(A), A normal, sparse or a ring"
    source: ClassVar[str] = "Jaeger, GMD Report 148, 2001; Sutskever et al., ICML 2013"
    cost: ClassVar[DrawCost | None] = DrawCost(32, 28)

    scheme: Literal["spectral_radius"] = "spectral_radius"
    radius: Number = Field(
        default=0.9,
        gt=0,
        le=1e6,
        description="Spectral radius: 0.9 is common in echo state networks; 1.1 with `sparse` is "
        "that of Sutskever et al. 2013.",
    )
    kind: Literal["dense", "sparse", "ring"] = Field(
        default="dense",
        description="`dense`: all elements normal.  `sparse`: `connections` normal elements in each "
        "row, the others 0.  `ring`: each unit is driven by its predecessor, with weight `radius`; "
        "no random numbers.",
    )
    connections: int | None = Field(
        default=None,
        ge=1,
        le=2**53 - 1,
        description="Incoming connections per unit, at most all; only for `sparse`, 15 by default.",
    )

    @model_validator(mode="after")
    def _connections_are_a_sparse_ones(self) -> Self:
        if self.connections is not None and self.kind != "sparse":
            raise refusal(
                "connections_without_sparse",
                f"kind `{self.kind}` has a fixed number of connections",
                field="/connections",
                given=self.connections,
                allowed="kind `sparse`, or no connections",
            )
        return self


class NpRnn(RecurrentScheme):
    """(A + I)/λ with A = RᵀR/hidden_size, R standard normal and λ the largest eigenvalue of A + I:
    one mode persists, the others decay (np-RNN; Talathi & Vartak 2015).
    """

    rnn_types: ClassVar[tuple[str, ...]] = ("rnn",)
    nonlinearities: ClassVar[tuple[str, ...]] = ("relu",)
    needs: ClassVar[str] = "relu units, which this scheme is designed for"

    formula: ClassVar[str] = "(A + I)/λ_max(A + I), A = RᵀR/hidden_size, R ~ N(0, 1)"
    source: ClassVar[str] = "Talathi & Vartak, arXiv:1511.03771"
    cost: ClassVar[DrawCost | None] = DrawCost(32, 15)

    scheme: Literal["np_rnn"] = "np_rnn"


class Skew(RecurrentScheme):
    """exp(epsilon·(M − Mᵀ − gamma·I)) with M normal, of std `std`/√hidden_size: one step of
    the differential equation behind AntisymmetricRNN (Chang et al. 2019).

    In the paper the cell itself takes the Euler step h + epsilon·tanh(…); a plain cell has no such
    skip connection, so this is our adaptation.
    """

    formula: ClassVar[str] = "exp(epsilon·(M − Mᵀ − gamma·I)), M ~ N(0, std²/hidden_size)"
    source: ClassVar[str] = "after Chang et al., arXiv:1902.09689"
    cost: ClassVar[DrawCost | None] = DrawCost(
        32, 26
    )  # at the largest epsilon and std; 16 products at the usual ones

    scheme: Literal["skew"] = "skew"
    epsilon: Number = Field(default=0.01, gt=0, le=1, description="Step size.")
    gamma: Number = Field(
        default=0.01, ge=0, le=1000, description="Diffusion; at 0 the matrix is orthogonal."
    )
    std: Number = Field(
        default=1.0, gt=0, le=16, description="Standard deviation of M, times √hidden_size."
    )


class RingSpectrum(RecurrentScheme):
    """Eigenvalues uniform on the ring r_min ≤ |λ| ≤ r_max, in conjugate pairs: the
    initialization of the linear recurrent unit, made real (Orvieto et al. 2023).

    The matrix is normal, so there is no transient growth.  An odd size has one real, positive
    eigenvalue.
    """

    formula: ClassVar[str] = (
        "eigenvalues |λ| = √(u·(r_max² − r_min²) + r_min²), u ~ U(0, 1), phases ~ U(0, 2π)"
    )
    source: ClassVar[str] = "Orvieto et al., arXiv:2303.06349"
    cost: ClassVar[DrawCost | None] = DrawCost(32, 3)

    scheme: Literal["ring_spectrum"] = "ring_spectrum"
    r_min: Number = Field(default=0.9, ge=0, le=1e6, description="Inner radius.")
    r_max: Number = Field(default=0.999, ge=0, le=1e6, description="Outer radius.")
    basis: Literal["blocks", "random"] = Field(
        default="blocks",
        description="`blocks`: pairs of units rotate independently (2 × 2 blocks along the "
        "diagonal).  `random`: the same in a uniformly (Haar) random orthogonal basis.",
    )

    @property
    def is_elementwise(self) -> bool:
        """Yes for `blocks`."""
        return self.basis == "blocks"

    @model_validator(mode="after")
    def _radii_are_in_order(self) -> Self:
        if self.r_min > self.r_max:
            raise refusal(
                "r_min_above_r_max",
                f"r_min ({self.r_min}) must not be above r_max ({self.r_max})",
                field="/r_min",
                given=self.r_min,
                allowed=f"0 to {self.r_max}",
            )
        return self
