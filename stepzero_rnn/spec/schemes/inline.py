"""Literal values in the recipe itself: those of a block, or of a gate's total bias."""

from __future__ import annotations

from sys import float_info
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from stepzero_rnn.spec.base import Number, refusal
from stepzero_rnn.spec.schemes.biases import BiasScheme
from stepzero_rnn.spec.schemes.weights import WeightScheme

Row = Annotated[tuple[Number, ...], Field(strict=False)]  # JSON has lists


class Array(WeightScheme):
    """Literal values for all elements.  Arrays that are too large for a recipe can be uploaded."""

    formula: ClassVar[str] = "values"
    source: ClassVar[str] = "your own"

    scheme: Literal["array"] = "array"
    values: Annotated[tuple[Row, ...], Field(strict=False)] = Field(
        description="The rows: (hidden_size, in) of a gate's block, or with `fused` those of the "
        "stacked matrix, with the gates in PyTorch's order.",
    )

    @field_validator("values", mode="before")
    @classmethod
    def _rows_are_of_one_length(cls, value: Any) -> Any:
        if not _is_list(value):
            raise _not_numbers("a list of rows")
        for number, row in enumerate(value):
            _refuse_unfit(row, f"/{number}")
            if len(row) != len(value[0]):
                raise refusal(
                    "ragged",
                    f"row {number} has {len(row)} numbers, but row 0 has {len(value[0])}",
                    field=f"/{number}",
                    given=len(row),
                    allowed=len(value[0]),
                )
        return value

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns."""
        return len(self.values), len(self.values[0])


class ArrayBias(BiasScheme):
    """Literal values for the total of every element."""

    formula: ClassVar[str] = "total = values"
    source: ClassVar[str] = "your own"

    scheme: Literal["array"] = "array"
    values: Row = Field(description="The values of one gate, hidden_size of them.")

    @field_validator("values", mode="before")
    @classmethod
    def _values_are_numbers(cls, value: Any) -> Any:
        _refuse_unfit(value, "")
        return value

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of values."""
        return (len(self.values),)


def _refuse_unfit(row: Any, field: str) -> None:
    """Reject anything but a list of numbers, at its first wrong place: there may be thousands."""
    if not _is_list(row):
        raise _not_numbers("a list of numbers", field)
    for place, value in enumerate(row):
        if type(value) not in (int, float) or not abs(value) <= float_info.max:
            raise _not_numbers("a finite number", f"{field}/{place}", value)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) > 0


def _not_numbers(allowed: str, field: str = "", given: Any = None) -> Exception:
    return refusal(
        "not_numbers", f"the value must be {allowed}", field=field, given=given, allowed=allowed
    )
