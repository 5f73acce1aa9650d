"""What is asked of diagnostics: sequence lengths, level and figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self, TypedDict, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from stepzero_rnn.errors import FieldError, InvalidSpec
from stepzero_rnn.spec.base import Strict, at_most, refusal
from stepzero_rnn.spec.checkpoint import OnDevice, Spec, require_layer
from stepzero_rnn.spec.parse import parse

MAX_SEQ_LEN = 4096

LevelName = Literal["quick", "standard", "full"]
Figure = Literal["echo", "gradient", "weights", "memory", "signal", "spectra"]
FIGURES: tuple[Figure, ...] = get_args(Figure)


@dataclass(frozen=True, slots=True)
class Level:
    """How much is measured.

    Echo is measured with `echo_sequences` at each of `lags` lags; gradient and signal with
    `gradient_sequences`, the gradient along `probes` random directions of each final state.
    `multiply_adds` bounds what each figure of the weights may take, unless it is asked for.
    """

    echo_sequences: int
    lags: int
    gradient_sequences: int
    probes: int
    figures: tuple[Figure, ...]
    multiply_adds: int


LEVELS: dict[LevelName, Level] = {
    "quick": Level(64, 1, 16, 1, ("echo", "gradient"), 0),
    "standard": Level(64, 3, 16, 1, FIGURES, 10**11),
    "full": Level(256, 3, 64, 4, FIGURES, 10**12),
}


def _split(given: Any) -> Any:
    """Return any sequence of names as a tuple; in a string, they are separated by commas."""
    names = given.split(",") if isinstance(given, str) else given
    return tuple(names) if isinstance(names, list | set | frozenset) else names


def _each_once(figures: tuple[Figure, ...] | None) -> tuple[Figure, ...] | None:
    """Return the figures in the order of `FIGURES`, the cheap ones first."""
    if figures == ():
        raise refusal("no_figures", "name at least one figure", allowed=[*FIGURES])
    return figures and tuple(name for name in FIGURES if name in figures)


class Lengths(Strict):
    """The lengths at which starts are measured, and how precisely."""

    seq_len: int = Field(
        default=100,
        ge=1,
        le=MAX_SEQ_LEN,
        description="Time steps of the sequences, as in training.",
    )
    dependency_length: int | None = Field(
        default=None,
        ge=1,
        le=MAX_SEQ_LEN,
        description="How many steps back the task's dependencies reach; by default `seq_len`. "
        "A start that suits long dependencies may not suit short ones.",
    )
    level: LevelName = Field(
        default="standard",
        description="`quick`: the two figures that predict training, with few sequences. "
        "`standard`: all figures; those of the weights only if they take up to about 5 s of one core each. "
        "`full`: all figures, with four times as many sequences, and up to about 50 s.",
    )

    @model_validator(mode="after")
    def _dependencies_fit_the_sequence(self) -> Self:
        length = self.dependency_length
        if length is not None and length > self.seq_len:
            raise refusal(
                "dependency_length_above_seq_len",
                f"dependency_length ({length}) must be at most seq_len ({self.seq_len})",
                field="/dependency_length",
                given=length,
                allowed=f"1 to {self.seq_len}",
            )
        return self

    @property
    def needed_length(self) -> int:
        """The number of steps that a dependency reaches back."""
        return self.dependency_length or self.seq_len


class DiagnosticsOptions(Lengths):
    """What to measure of a start."""

    figures: Annotated[
        tuple[Figure, ...] | None,
        at_most(len(FIGURES)),
        BeforeValidator(_split),
        AfterValidator(_each_once),
    ] = Field(
        default=None,
        description="The figures to measure; by default those of the level.",
    )
    layer: int | None = Field(
        default=None,
        ge=0,
        description="Return the details of this layer, counted from 0. Without it, there are details of all layers "
        "if layers times directions is at most 4, and totals alone for deeper networks.",
    )

    @property
    def measured(self) -> tuple[Figure, ...]:
        """The figures to measure."""
        return self.figures or LEVELS[self.level].figures


class DiagnosticsRequest(DiagnosticsOptions, OnDevice):
    """What to measure of a start, and where."""

    @property
    def options(self) -> DiagnosticsOptions:
        """What to measure alone."""
        fields = self.model_fields_set - OnDevice.model_fields.keys()
        return DiagnosticsOptions.model_construct(
            fields, **{name: getattr(self, name) for name in DiagnosticsOptions.model_fields}
        )


class DiagnosticsArguments(TypedDict, total=False):
    """The options as keyword arguments."""

    seq_len: int
    dependency_length: int | None
    level: LevelName
    figures: str | Sequence[Figure] | None
    layer: int | None


def fitted(options: DiagnosticsOptions, spec: Spec, seq_len: int | None) -> DiagnosticsOptions:
    """Return the options for a network and the time steps of uploaded inputs, if there are any.

    Raises:
        InvalidSpec: they do not fit.
    """
    require_layer(options.layer, spec)
    if seq_len is None:
        return options
    if "seq_len" in options.model_fields_set and options.seq_len != seq_len:
        detail = f"the inputs have {seq_len} time steps; omit seq_len"
        raise InvalidSpec(
            [FieldError("/seq_len", "contradicts_inputs", detail, options.seq_len, seq_len)]
        )
    given = {name: getattr(options, name) for name in options.model_fields_set}
    return parse(DiagnosticsOptions, {**given, "seq_len": seq_len})
