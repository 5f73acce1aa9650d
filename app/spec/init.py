"""What `init` may be: one scheme, or parts with overrides; and all of it in full."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Discriminator, Field, Tag

from app.spec.base import Strict
from app.spec.biases import PytorchBias, ZerosBias
from app.spec.overrides import BiasOverride, Overrides, WeightOverride
from app.spec.schemes import (
    BIAS_SCHEMES,
    WEIGHT_SCHEMES,
    AnyBiasScheme,
    AnyWeightScheme,
    BiasInit,
    WeightInit,
    WeightName,
)
from app.spec.weights import Pytorch


class InitParts(Strict):
    """One scheme per kind of parameter.  What is not named is drawn as PyTorch itself draws it."""

    weight_ih: WeightInit = Field(default="pytorch", description="Input weights, all layers.")
    weight_hh: WeightInit = Field(default="pytorch", description="Recurrent weights, all layers.")
    weight_hr: WeightInit = Field(
        default="pytorch", description="Projection weights (LSTM with `proj_size`)."
    )
    bias: BiasInit = Field(default="pytorch", description="Total bias of every gate.")
    overrides: Overrides = Field(
        default=(),
        description="Exceptions, for some layers, one direction or one gate of a parameter; the first that "
        "matches counts.",
    )


def _init_kind(value: Any) -> str:
    if isinstance(value, str):
        return "$name"
    has_scheme = "scheme" in value if isinstance(value, dict) else hasattr(value, "scheme")
    return "$scheme" if has_scheme else "$parts"


Init = Annotated[
    Annotated[WeightName, Tag("$name")]
    | Annotated[AnyWeightScheme, Tag("$scheme")]
    | Annotated[InitParts, Tag("$parts")],
    Discriminator(_init_kind),
]


class Parts(BaseModel, frozen=True):
    """The init in full: a scheme for every kind of parameter the network has."""

    weight_ih: AnyWeightScheme
    weight_hh: AnyWeightScheme
    weight_hr: AnyWeightScheme
    bias: AnyBiasScheme
    overrides: tuple[AnyWeightScheme | AnyBiasScheme, ...] = ()


def parts_of(init: Any, *, projected: bool, biased: bool) -> Parts:
    """Give an init in full.  Parts that the network lacks are `pytorch`."""
    asked = init if isinstance(init, InitParts) else for_all(init)
    return Parts(
        weight_ih=weight_in_full(asked.weight_ih),
        weight_hh=weight_in_full(asked.weight_hh),
        weight_hr=weight_in_full(asked.weight_hr) if projected else Pytorch(),
        bias=bias_in_full(asked.bias) if biased else PytorchBias(),
        overrides=tuple(override_in_full(override) for override in asked.overrides),
    )


def weight_in_full(init: Any) -> Any:
    """Give the scheme of a weight that may be asked for by name."""
    return WEIGHT_SCHEMES[init]() if isinstance(init, str) else init


def bias_in_full(init: Any) -> Any:
    """Give the scheme of a bias that may be asked for by name."""
    return BIAS_SCHEMES[init]() if isinstance(init, str) else init


def override_in_full(override: WeightOverride | BiasOverride) -> Any:
    """Give the scheme of an override that may be asked for by name."""
    in_full = bias_in_full if isinstance(override, BiasOverride) else weight_in_full
    return in_full(override.init)


def for_all(scheme: Any) -> InitParts:
    """Give the parts that one scheme for all weights stands for."""
    weight = weight_in_full(scheme)
    bias = PytorchBias() if isinstance(weight, Pytorch) else ZerosBias()
    return InitParts(weight_ih=weight, weight_hh=weight, weight_hr=weight, bias=bias)
