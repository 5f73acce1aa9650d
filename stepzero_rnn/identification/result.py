"""What identifying a file found, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

SchemeObject = Annotated[
    Mapping[str, Any], Field(description="A scheme: its name and non-default fields.")
]


@dataclass(frozen=True, slots=True)
class Fit:
    """A law of the catalogue that a block fits."""

    scheme: SchemeObject
    p_value: Annotated[
        float,
        Field(
            description="Probability that this law gives values that look less like it, corrected "
            "for the number of blocks and of tests."
        ),
    ]


@dataclass(frozen=True, slots=True)
class Part:
    """One gate's block of a tensor, and the laws that it fits."""

    tensor: Annotated[str, Field(description="PyTorch's name of the parameter.")]
    gate: Annotated[str, Field(description="Name of the gate; `-` if the parameter has none.")]
    elements: int
    fits: Annotated[
        list[Fit],
        Field(description="The laws that fit, the likeliest first; empty if it was trained."),
    ]
    indistinguishable: Annotated[
        list[str],
        Field(
            description="Names of other schemes that these values cannot be distinguished from: their "
            "law is the same here, or the elements are too few."
        ),
    ]


@dataclass(frozen=True, slots=True)
class Nearest:
    """The recipe that draws networks like this one."""

    recipe: Annotated[str, Field(description="The recipe token used in permalinks.")]
    url: Annotated[str, Field(description="Permalink of the recipe's description.")]
    init: Annotated[Any, Field(description="The `init` of the recipe.")]
    fits_all: Annotated[
        bool, Field(description="Whether every part of the file fits the recipe's laws.")
    ]


@dataclass(frozen=True, slots=True)
class Redraw:
    """The recipe that the file carries, compared with the file bit for bit."""

    recipe: str
    url: str
    equal: Annotated[bool, Field(description="Whether every value is the recipe's.")]
    differing: Annotated[
        list[str], Field(description="The first parameters with other values than the recipe's.")
    ]


@dataclass(frozen=True, slots=True)
class Identified:
    """Which initialization a file is."""

    verdict: Annotated[
        str,
        Field(
            description="The result in one sentence.",
            examples=["Keras 3's default, forget bias 1.", "Trained: no start fits the weights."],
        ),
    ]
    network: Annotated[
        Mapping[str, Any], Field(description="The network that the arrays are of, as inferred.")
    ]
    parts: list[Part]
    nearest: Annotated[
        Nearest | None, Field(description="The recipe whose laws fit best; null if none fits.")
    ]
    redraw: Annotated[
        Redraw | None, Field(description="null if the file carries no recipe of this service.")
    ]


def spelled(scheme: Mapping[str, Any]) -> str:
    """Return a scheme as a call: its name, and the fields that are not at their default."""
    given = [f"{name}={_value(v)}" for name, v in scheme.items() if name != "scheme"]
    return f"{scheme['scheme']}({', '.join(given)})" if given else str(scheme["scheme"])


def _value(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
