"""The base of every request model: frozen, strict, finite, without unknown fields."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError, PydanticKnownError

SAFE_INTEGER = 2**53 - 1  # the largest that every JSON reader keeps exactly


def _plus_zero(value: float) -> float:
    return value + 0.0  # −0.0 asks for what 0.0 asks for, so it must draw it too


Size = Annotated[int, Field(ge=1, le=SAFE_INTEGER)]
Number = Annotated[float, AfterValidator(_plus_zero)]


class Strict(BaseModel):
    """A frozen request model: unknown fields, `true` for 1, `"10"` for 10, NaN are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class DrawCost(NamedTuple):
    """What drawing a matrix whole takes, its sides rounded up to whole eights.

    `scratch_bytes` is memory for every element beside the matrix itself; `products` counts
    multiplications of the matrix by one of its smaller side.
    """

    scratch_bytes: int
    products: int = 0


class InitScheme(Strict):
    """What all init schemes share: where they are defined (`stepzero_rnn/spec/compatibility.py`
    refuses them elsewhere).
    """

    formula: ClassVar[str]
    source: ClassVar[str]
    parameters: ClassVar[tuple[str, ...]] = ("weight_ih", "weight_hh", "weight_hr")
    rnn_types: ClassVar[tuple[str, ...]] = ("rnn", "gru", "lstm")
    nonlinearities: ClassVar[tuple[str, ...]] = ("tanh", "relu")  # of a plain RNN
    needs: ClassVar[str] = ""  # what a network of another type or nonlinearity lacks
    min_hidden_size: ClassVar[int] = 1
    cost: ClassVar[DrawCost | None] = None  # None: drawn element by element

    @property
    def name(self) -> str:
        """What it is asked for by."""
        return str(type(self).model_fields["scheme"].default)

    @property
    def is_square(self) -> bool:
        """Whether only a square block can be filled."""
        return False

    @property
    def is_elementwise(self) -> bool:
        """Whether it is drawn element by element as it is asked for, though others of its name are
        not.
        """
        return False


def at_most(limit: int) -> BeforeValidator:
    """Refuse a list by its length before its items are looked at: `max_length` itself looks at
    every wrong one.
    """

    def count(value: Any) -> Any:
        if isinstance(value, list | tuple) and len(value) > limit:
            facts = {"field_type": "List", "max_length": limit, "actual_length": len(value)}
            raise PydanticKnownError("too_long", facts)
        return value

    return BeforeValidator(count)


def refusal(
    code: str, detail: str, *, field: str = "", given: Any = None, allowed: Any = None
) -> PydanticCustomError:
    """Make the error of a rule that pydantic has no word for.

    Args:
        field: JSON pointer of the wrong part below the model or field whose validator raises.
        given: what stands there, where that is not all that the validator was given.
        allowed: what could stand there instead, where that can be listed.
    """
    facts = {"detail": detail, "field": field, "given": given, "allowed": allowed}
    return PydanticCustomError(code, "{detail}", facts)
