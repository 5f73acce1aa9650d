"""The results of diagnostics that depend on the weights alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from stepzero_rnn.summary import Real

Measurable = Literal[
    "mean",
    "std",
    "min",
    "max",
    "difference",
    "orthogonality_error",
    "spectral_radius",
    "smallest_singular_value",
    "largest_singular_value",
    "zeros",
]


@dataclass(frozen=True, slots=True)
class ExpectedRow:
    """One figure of one gate's block, and what its scheme promises.

    For a bias, the block is the total `b_ih + b_hh` where the scheme states that.
    """

    tensor: str
    gate: str
    figure: Annotated[
        Measurable,
        Field(
            description="`difference` is the largest distance from values that the scheme fixes; `orthogonality_error` "
            "is max |WᵀW − g²I| / g² with the gain g, after rounding; `zeros` counts zeros."
        ),
    ]
    expected: Annotated[
        float,
        Field(
            description="For `min`, `max`, errors and singular values, the bound; else the value."
        ),
    ]
    measured: Real
    tolerance: Annotated[
        float,
        Field(
            description="Largest accepted deviation: five standard errors for the given number of elements, "
            "or the effect of rounding."
        ),
    ]
    passed: bool


@dataclass(frozen=True, slots=True)
class ExpectedDensity:
    """The probability density of the elements of one gate's block, as its scheme draws them."""

    tensor: str
    gate: str
    values: Annotated[list[Real], Field(description="Ascending; a uniform density has two.")]
    density: Annotated[
        list[Real], Field(description="The density at each of `values`; linear in between.")
    ]


@dataclass(frozen=True, slots=True)
class ExpectedFigures:
    """Whether the weights are as their schemes promise."""

    checked: Annotated[int, Field(description="Number of figures.")]
    failed: int
    rows: Annotated[
        list[ExpectedRow],
        Field(
            description="All figures of the requested `layer`, or of a small network; for deep networks, the one "
            "closest to its tolerance for each parameter, gate and figure. Failed ones come first."
        ),
    ]
    densities: Annotated[
        list[ExpectedDensity],
        Field(
            description="Of the requested `layer`, or of a small network; of blocks whose elements have a density in "
            "closed form."
        ),
    ]


@dataclass(frozen=True, slots=True)
class BlockSpectrum:
    """The spectrum of one gate's block of `weight_hh`."""

    tensor: str
    gate: str
    largest_singular_value: Real
    smallest_singular_value: Annotated[
        Real, Field(description="null for blocks above 1024, where only the largest is computed.")
    ]
    condition: Annotated[
        Real, Field(description="Largest over smallest singular value; null if it is infinite.")
    ]
    stable_rank: Annotated[Real, Field(description="‖W‖²_F / σ²_max.")]
    spectral_radius: Annotated[
        Real,
        Field(
            description="Largest absolute eigenvalue; null for blocks that are not square. Above 1024 it has about "
            "three digits, and is null if the method does not converge."
        ),
    ]
    singular_values: Annotated[
        list[float],
        Field(description="Descending, evenly spaced by rank; at most 256 of a block."),
    ]
    eigenvalues: Annotated[
        list[tuple[float, float]],
        Field(
            description="Real and imaginary parts by descending absolute value, evenly spaced; at most 512 of a block."
        ),
    ]


@dataclass(frozen=True, slots=True)
class SpectrumRange:
    """The range of one figure over all layers and directions of a deep network."""

    gate: str
    figure: str
    min: Real
    median: Real
    max: Real


@dataclass(frozen=True, slots=True)
class Spectra:
    """The spectra of the recurrent weights."""

    blocks: Annotated[
        list[BlockSpectrum],
        Field(description="The requested `layer`; without it, all layers of a small network."),
    ]
    ranges: list[SpectrumRange]


@dataclass(frozen=True, slots=True)
class CellMemory:
    """How long one direction of a layer remembers near the zero state."""

    layer: int
    reverse: bool
    spectral_radius: Annotated[
        Real,
        Field(
            description="Spectral radius of the Jacobian of one step at zero state and zero input; null if it was not "
            "found. For ReLU, of units that are about to be active."
        ),
    ]
    memory_steps: Annotated[
        Real,
        Field(
            description="−1/ln of that radius: the steps in which a perturbation shrinks by e; null if it grows."
        ),
    ]
    gate_memory_steps: Annotated[
        list[Real] | None,
        Field(
            description="Quantiles (5, 50, 95 %) of the steps that units keep their state, as the biases of the forget "
            "gate (LSTM) or update gate (GRU) imply: 1/(1 − gate); null for plain RNNs."
        ),
    ]


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory near the zero state: a description, not a verdict."""

    cells: Annotated[
        list[CellMemory],
        Field(
            description="The requested `layer`; without it, all layers of a small network, and of a deep one the first "
            "and the last layer."
        ),
    ]
    spectral_radii: Annotated[list[Real], Field(description="By layer and direction.")]
