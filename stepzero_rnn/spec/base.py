"""The base of every request model: frozen, strict, finite, without unknown fields."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError, PydanticKnownError

SAFE_INTEGER = 2**53 - 1  # the largest integer that every JSON reader represents exactly


def _plus_zero(value: float) -> float:
    return value + 0.0  # −0.0 means the same as 0.0, so it must give the same recipe


Size = Annotated[int, Field(ge=1, le=SAFE_INTEGER)]
Number = Annotated[float, AfterValidator(_plus_zero)]


class Strict(BaseModel):
    """A frozen request model that rejects unknown fields, `true` for 1, `"10"` for 10, and NaN."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class DrawCost(NamedTuple):
    """The cost of drawing a whole matrix whose sides are rounded up to multiples of eight.

    `scratch_bytes` is the memory per element in addition to the matrix; `products` is the number
    of times the matrix is multiplied by a square one of its smaller side.
    """

    scratch_bytes: int
    products: int = 0


class InitScheme(Strict):
    """The base of all init schemes, which states where a scheme is defined.

    `stepzero_rnn/spec/compatibility.py` rejects it anywhere else.
    """

    formula: ClassVar[str]
    source: ClassVar[str]
    parameters: ClassVar[tuple[str, ...]] = ("weight_ih", "weight_hh", "weight_hr")
    rnn_types: ClassVar[tuple[str, ...]] = ("rnn", "gru", "lstm")
    nonlinearities: ClassVar[tuple[str, ...]] = ("tanh", "relu")  # of a plain RNN
    needs: ClassVar[str] = ""  # what networks of other types or nonlinearities lack
    min_hidden_size: ClassVar[int] = 1
    cost: ClassVar[DrawCost | None] = None  # None: drawn element by element

    @property
    def name(self) -> str:
        """The value of `scheme` that selects it."""
        return str(type(self).model_fields["scheme"].default)

    @property
    def is_square(self) -> bool:
        """Whether it can fill square blocks only."""
        return False

    @property
    def is_elementwise(self) -> bool:
        """Whether, with these parameters, a scheme with a `cost` is drawn element by element."""
        return False


def at_most(limit: int) -> BeforeValidator:
    """Reject a list that is too long before its items are validated.

    `max_length` alone would report every invalid item, however many there are.
    """

    def check_length(value: Any) -> Any:
        if isinstance(value, list | tuple) and len(value) > limit:
            context = {"field_type": "List", "max_length": limit, "actual_length": len(value)}
            raise PydanticKnownError("too_long", context)
        return value

    return BeforeValidator(check_length)


def refusal(
    code: str, detail: str, *, field: str = "", given: Any = None, allowed: Any = None
) -> PydanticCustomError:
    """Create the error for a rule that pydantic does not define.

    Args:
        field: JSON pointer of the invalid part, relative to the model or field being validated.
        given: the invalid value, if it is only a part of what the validator received.
        allowed: the accepted values, if they can be listed.
    """
    context = {"detail": detail, "field": field, "given": given, "allowed": allowed}
    return PydanticCustomError(code, "{detail}", context)
