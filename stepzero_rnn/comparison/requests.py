"""What can be asked of several starts of one network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypedDict

from pydantic import AfterValidator, Field

from stepzero_rnn.diagnostics.options import (
    LEVELS,
    DiagnosticsOptions,
    Figure,
    Lengths,
    LevelName,
)
from stepzero_rnn.spec.base import SAFE_INTEGER, Number, Strict, at_most, refusal
from stepzero_rnn.spec.checkpoint import OnDevice
from stepzero_rnn.spec.init import Init
from stepzero_rnn.spec.network_spec import NetworkSpec

MIN_STARTS, MAX_STARTS, MAX_SEEDS, MAX_LABEL_CHARS = 2, 32, 16, 64
MAX_INCLUDED = 16
MAX_SECONDS = 86_400
COMPARED: tuple[Figure, ...] = ("echo", "gradient", "signal")

TableFormat = Literal["json", "csv"]
AnyInit = str | Mapping[str, Any]
AnyStarts = Mapping[str, Any] | Sequence[Mapping[str, Any]]  # by label, or as in a request


def _readable(label: str) -> str:
    if not (label.isprintable() and label == label.strip() and label[:1].isalnum()):
        raise refusal(
            "invalid_label",
            "a label begins with a letter or a digit, and has no control characters and no spaces "
            "at its end",
        )
    return label


def _distinct_labels(starts: tuple[Start, ...]) -> tuple[Start, ...]:
    labels = [start.label for start in starts]
    for number, label in enumerate(labels):
        if label in labels[:number]:
            raise refusal(
                "repeated_label",
                f"the label {label!r} is repeated",
                field=f"/{number}/label",
                given=label,
            )
    return starts


def _several(starts: tuple[Start, ...]) -> tuple[Start, ...]:
    if len(starts) < MIN_STARTS:
        raise refusal("too_few_starts", f"give at least {MIN_STARTS} starts", given=len(starts))
    return starts


def _distinct_seeds(seeds: tuple[int, ...]) -> tuple[int, ...]:
    if not seeds:
        raise refusal("no_seeds", "give at least one seed")
    for number, seed in enumerate(seeds):
        if seed in seeds[:number]:
            raise refusal(
                "repeated_seed", f"the seed {seed} is repeated", field=f"/{number}", given=seed
            )
    return seeds


Label = Annotated[str, Field(min_length=1, max_length=MAX_LABEL_CHARS), AfterValidator(_readable)]


class Start(Strict):
    """An initialization of the network, under a label."""

    label: Label = Field(description="Names the start in the response.")
    init: Init = Field(description="As in a spec.")


class StartsRequest(Lengths, OnDevice):
    """A network, and how its starts are measured."""

    network: NetworkSpec = Field(description="The network: a spec without `init` and `seed`.")
    seeds: Annotated[
        tuple[Annotated[int, Field(ge=0, le=SAFE_INTEGER)], ...],
        Field(strict=False, max_length=MAX_SEEDS, json_schema_extra={"minItems": 1}),
        at_most(MAX_SEEDS),
        AfterValidator(_distinct_seeds),
    ] = Field(
        default=(0, 1, 2),
        description="Every start is measured with each of these seeds, up to 16; figures are medians over them.",
    )
    level: LevelName = Field(
        default="standard",
        description="`quick`: echo at one lag, and the gradient. `standard`: echo at three lags, the gradient and the "
        "states. `full`: the same with four times as many sequences.",
    )

    @property
    def options(self) -> DiagnosticsOptions:
        """What is measured of every start."""
        return DiagnosticsOptions(
            seq_len=self.seq_len,
            dependency_length=self.dependency_length,
            level=self.level,
            figures=tuple(name for name in LEVELS[self.level].figures if name in COMPARED),
        )


class ComparisonRequest(StartsRequest):
    """Starts of one network to compare."""

    starts: Annotated[
        tuple[Start, ...],
        Field(strict=False, max_length=MAX_STARTS, json_schema_extra={"minItems": MIN_STARTS}),
        at_most(MAX_STARTS),
        AfterValidator(_distinct_labels),
        AfterValidator(_several),
    ] = Field(description="2 to 32 starts with distinct labels.")
    format: TableFormat | None = Field(
        default=None,
        description="Format of the response; by default that of the Accept header, else JSON.",
    )


class RecommendationRequest(StartsRequest):
    """A network for which starts are ranked."""

    init: Init | None = Field(
        default=None, description="Your own start, which is ranked under the label `init`."
    )
    include: Annotated[
        tuple[Start, ...],
        Field(strict=False, max_length=MAX_INCLUDED),
        at_most(MAX_INCLUDED),
        AfterValidator(_distinct_labels),
    ] = Field(default=(), description="Up to 16 further starts to rank.")
    exclude: Annotated[
        tuple[Label, ...],
        Field(strict=False, max_length=MAX_STARTS),
        at_most(MAX_STARTS),
    ] = Field(default=(), description="Labels of candidates that are not ranked.")
    max_seconds: Number | None = Field(
        default=None,
        gt=0,
        le=MAX_SECONDS,
        description="After this time, no further candidate is measured; the ranking is of those that were.",
    )


class StartsArguments(TypedDict, total=False):
    """The options of both calls as keyword arguments."""

    seeds: Sequence[int]
    seq_len: int
    dependency_length: int | None
    level: LevelName
    device: str


def comparison_fields(
    network: NetworkSpec | Mapping[str, Any], starts: AnyStarts, options: StartsArguments
) -> dict[str, Any]:
    """Return the arguments of a comparison as the fields of its request."""
    return {"network": _fields_of(network), "starts": _listed(starts), **options}


def recommendation_fields(
    network: NetworkSpec | Mapping[str, Any],
    init: AnyInit | None,
    include: AnyStarts,
    exclude: Sequence[str],
    max_seconds: float | None,
) -> dict[str, Any]:
    """Return the arguments of a recommendation as the fields of its request."""
    fields = {
        "network": _fields_of(network),
        "init": init,
        "include": _listed(include),
        "exclude": exclude if isinstance(exclude, str) else [*exclude],
        "max_seconds": max_seconds,
    }
    return {name: value for name, value in fields.items() if value not in (None, [])}


def _listed(starts: Any) -> Any:
    """Return starts as a request lists them: each an object with label and init."""
    if isinstance(starts, Mapping):
        return [{"label": label, "init": init} for label, init in starts.items()]
    return [*starts] if isinstance(starts, Sequence) and not isinstance(starts, str) else starts


def _fields_of(network: Any) -> Any:
    """Return a network as a request states it; whatever it is, its refusal names it."""
    if not isinstance(network, NetworkSpec):
        return dict(network) if isinstance(network, Mapping) else network
    return {
        name: getattr(network, name)
        for name in network.model_fields_set
        if name in NetworkSpec.model_fields
    }
