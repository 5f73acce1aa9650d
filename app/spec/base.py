"""The base of every request model: frozen, strict, finite, without unknown fields."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError


class Strict(BaseModel):
    """A frozen request model: unknown fields, `true` for 1, `"10"` for 10, NaN are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def refusal(code: str, detail: str, *, field: str = "", allowed: Any = None) -> PydanticCustomError:
    """Make the error of a rule that pydantic has no word for.

    Args:
        field: JSON pointer of the wrong part below the model or field whose validator raises.
        allowed: what could stand there instead, where that can be listed.
    """
    return PydanticCustomError(
        code, "{detail}", {"detail": detail, "field": field, "allowed": allowed}
    )
