"""What can be requested of a report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal, TypedDict, get_args

from pydantic import Field

from stepzero_rnn.comparison.requests import MAX_STARTS
from stepzero_rnn.diagnostics.options import DiagnosticsOptions, Lengths, LevelName
from stepzero_rnn.errors import (
    FieldError,
    InvalidRecipe,
    InvalidSpec,
    OutdatedRecipe,
    UnknownFormat,
)
from stepzero_rnn.spec.base import at_most
from stepzero_rnn.spec.checkpoint import OnDevice, Spec
from stepzero_rnn.spec.network_spec import NetworkSpec
from stepzero_rnn.spec.recipe import decode_recipe, file_stem

ReportFormat = Literal["html", "svg", "png", "pdf"]
MEDIA_TYPES: dict[ReportFormat, str] = {
    "html": "text/html; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "pdf": "application/pdf",
}
MAX_AGAINST = MAX_STARTS - 1


class ReportOptions(Lengths):
    """How the starts of a report are measured."""

    @property
    def options(self) -> DiagnosticsOptions:
        """What is measured of every start."""
        fields = DiagnosticsOptions.model_fields.keys() & self.model_fields_set
        return DiagnosticsOptions(**{name: getattr(self, name) for name in fields})


class ReportRequest(ReportOptions, OnDevice):
    """What a report is about, and how that is measured."""

    against: Annotated[
        tuple[str, ...], Field(strict=False, max_length=MAX_AGAINST), at_most(MAX_AGAINST)
    ] = Field(
        default=(),
        description="The recipe of another start of the same network, for a report that compares both. "
        "Repeat it for up to 31 starts.",
    )


class ReportArguments(TypedDict, total=False):
    """The options as keyword arguments."""

    seq_len: int
    dependency_length: int | None
    level: LevelName


def require_format(name: str) -> ReportFormat:
    """Return the format with this name, which is also its suffix.

    Raises:
        UnknownFormat: reports have no such format.
    """
    for known in get_args(ReportFormat):
        if name == known:
            return known  # type: ignore[no-any-return]
    raise UnknownFormat(given=name, allowed=MEDIA_TYPES)


def decoded(against: Iterable[str]) -> list[Spec]:
    """Return the specs of the other starts.

    Raises:
        InvalidSpec: a recipe is not valid; the pointers begin with `/against`.
    """
    specs, errors = [], []
    for number, recipe in enumerate(against):
        try:
            specs.append(decode_recipe(recipe))
        except (InvalidRecipe, OutdatedRecipe) as error:
            pointer = f"/against/{number}"
            errors.append(FieldError(pointer, error.code, error.detail, recipe[:80]))
    if errors:
        raise InvalidSpec(errors)
    return specs


def require_one_network(specs: Sequence[Spec]) -> None:
    """Refuse to compare starts of different networks.

    Raises:
        InvalidSpec: a field of the network differs; the pointers begin with `/against`.
    """
    if len(specs) > MAX_STARTS:
        detail = f"a report compares at most {MAX_STARTS} starts"
        raise InvalidSpec([FieldError("/against", "too_long", detail, len(specs), MAX_STARTS)])
    errors = [
        FieldError(
            f"/against/{number}",
            "different_network",
            f"`{name}` differs from that of the first start, and starts are compared only within one network",
            getattr(other, name),
            getattr(specs[0], name),
        )
        for number, other in enumerate(specs[1:])
        for name in NetworkSpec.model_fields
        if getattr(other, name) != getattr(specs[0], name)
    ]
    if errors:
        raise InvalidSpec(errors)


def file_name(spec: Spec, name: ReportFormat) -> str:
    """Return the name under which a report is saved: `gru-10x20-…-report.svg`."""
    return f"{file_stem(spec)}-report.{name}"
