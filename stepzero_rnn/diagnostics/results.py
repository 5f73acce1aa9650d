"""The results of diagnostics, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from stepzero_rnn.diagnostics.options import Figure, LevelName
from stepzero_rnn.diagnostics.weight_results import ExpectedFigures, Memory, Spectra
from stepzero_rnn.summary import GateActivation, Histogram, Real

Severity = Literal["error", "warning", "note", "good"]


@dataclass(frozen=True, slots=True)
class Echo:
    """Whether inputs of some steps ago can still be read from the state."""

    mean: Annotated[float, Field(description="Mean over the lags: 0 is nothing, 1 is everything.")]
    lags: Annotated[
        Mapping[str, float],
        Field(
            description="By lag in steps: the share of the variance of three steps of input that a linear readout of "
            "the last layer's final state recovers on held-out sequences, once the network has run on without input "
            "from there on; mean over four noise floors from 0.0001 to 0.1."
        ),
    ]
    sequences: Annotated[int, Field(description="Sequences per lag.")]


@dataclass(frozen=True, slots=True)
class Gradient:
    """How the final state depends on the input of each time step."""

    log10_reach: Annotated[
        Real,
        Field(
            description="log₁₀ of the gradient reach at the dependency length L: the size of the derivative of the "
            "final state with respect to the input L steps before the end; null if it overflows."
        ),
    ]
    growth_per_step: Annotated[
        Real,
        Field(
            description="Factor by which the gradient grows per step back in time, over the last L steps; below 1, it shrinks."
        ),
    ]
    steps: Annotated[list[int], Field(description="Time steps of `log10_by_step`; at most 128.")]
    log10_by_step: Annotated[
        list[Real],
        Field(
            description="log₁₀ of the root mean square, over sequences, of the Frobenius norm of the derivative of the "
            "final state with respect to the input at each step."
        ),
    ]
    log10_by_depth: Annotated[
        list[Real],
        Field(
            description="log₁₀ of the same norm over all steps together, with respect to the input of each layer."
        ),
    ]
    sequences: int
    probes: Annotated[int, Field(description="Random directions of each final state.")]


@dataclass(frozen=True, slots=True)
class GateSignal(GateActivation):
    """One gate over all steps, units and sequences."""

    histogram: Annotated[
        Histogram | None,
        Field(
            description="Counts of its values between its limits; null for ReLU, which has no upper limit."
        ),
    ]


@dataclass(frozen=True, slots=True)
class CellSignal:
    """The states of one layer and direction."""

    layer: int
    reverse: bool
    state_rms: Annotated[
        list[Real], Field(description="Root mean square of h at the steps of `steps`.")
    ]
    cell_rms: Annotated[
        list[Real] | None, Field(description="The same of an LSTM's c; null for other networks.")
    ]
    unit_spread: Annotated[
        list[Real],
        Field(
            description="Standard deviation of h over the sequences at the last step: of the least varied unit, the "
            "median unit and the most varied unit."
        ),
    ]
    dead_units: Annotated[
        float,
        Field(description="Fraction of units whose last state is the same for all sequences."),
    ]
    saturated_units: Annotated[
        float,
        Field(description="Fraction of last states beyond ±0.9; 0 for ReLU, which has no limit."),
    ]
    distinctness: Annotated[
        Real,
        Field(
            description="Share of the last state's mean square that differs between sequences: 0 if all inputs lead to "
            "the same state."
        ),
    ]
    gates: list[GateSignal]


@dataclass(frozen=True, slots=True)
class Signal:
    """The states on the way through time and layers."""

    steps: Annotated[list[int], Field(description="Time steps of the curves; at most 64.")]
    cells: Annotated[
        list[CellSignal],
        Field(
            description="The requested `layer`; without `layer`, all layers of a small network, and the first, the "
            "middle and the last layer of a deep one."
        ),
    ]
    final_rms: Annotated[
        list[Real],
        Field(description="Root mean square of h at the last step, by layer and direction."),
    ]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Another start of the same network to try."""

    label: str
    init: Any
    recipe: str
    url: Annotated[str, Field(description="Path of its page on this server.")]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a figure means for training, and how often that was right in the validation."""

    name: str
    severity: Severity
    text: str
    figures: Annotated[Mapping[str, Real], Field(description="The figures that led to it.")]
    threshold: str
    evidence: Annotated[
        str | None, Field(description="How often it was right in the validation; null if untested.")
    ]
    source: str
    suggestions: Annotated[list[Suggestion], Field(description="What to try.")]


@dataclass(frozen=True, slots=True)
class Omission:
    """A figure that was not measured, and why."""

    figure: str
    reason: str


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """What a start is expected to do in training."""

    recipe: str
    seq_len: int
    dependency_length: int
    level: LevelName
    figures: Annotated[list[Figure], Field(description="The figures that were measured.")]
    inputs: Annotated[
        Literal["standard_normal", "uploaded"],
        Field(
            description="The inputs: independent standard normal numbers, the same for every start, or an uploaded array."
        ),
    ]
    is_validated: Annotated[
        bool,
        Field(
            description="Whether the validation covers networks of this kind; `validity` says what it covers."
        ),
    ]
    validity: str
    score: Annotated[
        float | None,
        Field(
            description="echo.mean + retention − 0.05·max(|gradient.log10_reach| − 0.5, 0), where retention is 0 if it is "
            "null. It orders starts of one network at one dependency length, and means nothing across networks; null "
            "without both figures."
        ),
    ]
    retention: Annotated[
        float | None,
        Field(
            description="Mean over units of σ(b)^L with the forget gate's total bias b: the share of the cell states that "
            "lasts for the dependency length L. Null for other networks than LSTMs, and for L below 50."
        ),
    ]
    findings: Annotated[list[Finding], Field(description="Errors first.")]
    echo: Echo | None
    gradient: Gradient | None
    signal: Signal | None
    weights: ExpectedFigures | None
    memory: Memory | None
    spectra: Spectra | None
    omitted: list[Omission]
    device: Annotated[str, Field(description="The device that ran the network.")]
    seconds: Annotated[float, Field(description="Duration of the measurement.")]
