"""The results of comparisons and recommendations, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from stepzero_rnn.diagnostics.options import LevelName
from stepzero_rnn.diagnostics.results import Finding
from stepzero_rnn.summary import Real


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over the seeds; null if it is not finite."""

    median: Real
    min: Real
    max: Real


@dataclass(frozen=True, slots=True)
class Row:
    """One start that was measured."""

    label: str
    init: Annotated[Any, Field(description="The start's `init` in canonical form.")]
    recipe: Annotated[str, Field(description="The recipe with the first seed.")]
    url: Annotated[str, Field(description="Path of that recipe's page on this server.")]
    figures: Annotated[
        Mapping[str, Spread],
        Field(
            description="By name: `score`, `echo`, `echo_at_<lag>`, `log10_reach` and `growth_per_step`, as in the "
            "diagnostics of a start; `retention` for LSTMs with a long dependency length; except at level `quick`, also `state_rms`, `dead_units`, `saturated_units` and "
            "`distinctness` of the last layer at the last step. The median of `score` is the score of the median "
            "figures."
        ),
    ]
    findings: Annotated[
        list[Finding], Field(description="What the median figures mean; errors first.")
    ]


@dataclass(frozen=True, slots=True)
class RankedStart(Row):
    """One candidate of a recommendation."""

    rank: Annotated[
        int | None,
        Field(
            description="Place in the order, from 1; null for a start whose states overflow or whose gradients explode."
        ),
    ]
    tied_with: Annotated[
        list[str],
        Field(description="Labels of candidates whose scores are too close to distinguish."),
    ]
    is_recommended: Annotated[
        bool, Field(description="Whether it is one of the three starts to try first.")
    ]


@dataclass(frozen=True, slots=True)
class OmittedStart:
    """A start that was not measured, and why."""

    label: str
    reason: str


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured, and how."""

    seq_len: int
    dependency_length: int
    level: LevelName
    seeds: list[int]
    is_validated: Annotated[
        bool, Field(description="Whether the validation covers networks of this kind.")
    ]
    validity: Annotated[str, Field(description="What the validation covers.")]
    omitted: Annotated[list[OmittedStart], Field(description="The starts that were not measured.")]
    device: Annotated[str, Field(description="The device that ran the networks.")]
    seconds: Annotated[float, Field(description="Duration of the measurements.")]


@dataclass(frozen=True, slots=True)
class Comparison(Measurement):
    """Starts of one network side by side."""

    rows: Annotated[list[Row], Field(description="The starts that were measured, as given.")]


@dataclass(frozen=True, slots=True)
class Recommendation(Measurement):
    """Starts of one network in the order in which to try them."""

    evidence: Annotated[
        str, Field(description="What following such a ranking was worth in the validation.")
    ]
    candidates: Annotated[
        list[RankedStart],
        Field(
            description="Ordered by score. Scores within 0.03 are ties, ordered by the echo at the dependency length, "
            "then by |log10_reach|. Starts without a rank are last."
        ),
    ]
