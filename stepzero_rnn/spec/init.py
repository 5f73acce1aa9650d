"""The forms of `init`: a preset, one scheme, or parts with overrides; and their expansion."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field, Tag

from stepzero_rnn.spec.arrays import Arrays
from stepzero_rnn.spec.base import InitScheme, Strict
from stepzero_rnn.spec.networks import Network
from stepzero_rnn.spec.overrides import (
    WEIGHTS,
    BiasOverride,
    Overrides,
    WeightOverride,
    resolve,
)
from stepzero_rnn.spec.schemes.biases import PytorchBias, ZerosBias
from stepzero_rnn.spec.schemes.presets import PRESETS, PresetName
from stepzero_rnn.spec.schemes.scripts import (
    SCRIPTS,
    AnyScript,
    NumpyRandn,
    ScriptName,
    TorchSeeded,
)
from stepzero_rnn.spec.schemes.unions import (
    BIAS_SCHEMES,
    WEIGHT_SCHEMES,
    AnyBiasScheme,
    AnyWeightScheme,
    BiasInit,
    WeightInit,
    WeightName,
)
from stepzero_rnn.spec.schemes.weights import Pytorch


class InitParts(Strict):
    """One scheme per kind of parameter.

    Parts that are not named come from the preset, by default PyTorch's.
    """

    preset: PresetName = Field(
        default="pytorch", description="The preset for the parts that are not named here."
    )
    weight_ih: WeightInit | None = Field(default=None, description="Input weights of all layers.")
    weight_hh: WeightInit | None = Field(
        default=None, description="Recurrent weights of all layers."
    )
    weight_hr: WeightInit | None = Field(
        default=None, description="Projection weights (LSTM with `proj_size`)."
    )
    bias: BiasInit | None = Field(
        default=None, description="Total bias (`bias_ih + bias_hh`) of every gate."
    )
    overrides: Overrides = Field(
        default=(),
        description="Exceptions for some layers, one direction or one gate of a parameter; the "
        "first match wins.",
    )
    arrays: Arrays | None = Field(
        default=None, description="Uploaded arrays, which take precedence over the schemes."
    )


def _init_kind(value: Any) -> str:
    if isinstance(value, str):
        return "$name"
    has_scheme = _is_scheme(value) if isinstance(value, dict) else hasattr(value, "scheme")
    return "$scheme" if has_scheme else "$parts"


def _is_scheme(value: dict[Any, Any]) -> bool:
    """Whether an object is meant as a scheme: it has a `scheme`, or fields of schemes and none of
    parts.
    """
    names = value.keys()
    no_parts = names.isdisjoint(InitParts.model_fields)
    return "scheme" in names or (no_parts and not names.isdisjoint(SCHEME_FIELDS))


WHOLE_SCHEMES = (*WEIGHT_SCHEMES.values(), *SCRIPTS.values())
SCHEME_FIELDS = frozenset(name for scheme in WHOLE_SCHEMES for name in scheme.model_fields)
AnyWholeScheme = Annotated[
    AnyWeightScheme | NumpyRandn | TorchSeeded, Field(discriminator="scheme")
]
Init = Annotated[
    Annotated[Literal[WeightName, ScriptName, PresetName], Tag("$name")]
    | Annotated[AnyWholeScheme, Tag("$scheme")]
    | Annotated[InitParts, Tag("$parts")],
    Discriminator(_init_kind),
]


PARTS = (*WEIGHTS, "bias")


class Parts(BaseModel, frozen=True):
    """The expanded init: a scheme for every kind of parameter of the network."""

    weight_ih: AnyWeightScheme
    weight_hh: AnyWeightScheme
    weight_hr: AnyWeightScheme
    bias: AnyBiasScheme
    overrides: tuple[AnyWeightScheme | AnyBiasScheme, ...] = ()


def in_parts(init: Any, network: Network) -> InitParts:
    """Return an init as parts: those it names, and the rest from its preset with its overrides."""
    if isinstance(init, str) and init in PRESETS:
        init = InitParts.model_validate({"preset": init})
    if not isinstance(init, InitParts):
        return for_all(init)
    parts = {name: part_of(init, name, network.rnn.name) for name in PARTS}
    lacking = () if network.bias else ("bias",)
    more = (
        override
        for override in _preset(init.preset, network.rnn.name).overrides
        if getattr(init, override.parameter) is None and override.parameter not in lacking
    )
    overrides = (*init.overrides, *more)
    counting = {*range(len(init.overrides)), *resolve(overrides, network).values()}
    kept = tuple(override for number, override in enumerate(overrides) if number in counting)
    return InitParts.model_construct(**parts, overrides=kept)


def part_of(init: InitParts, name: str, rnn_type: str) -> Any:
    """Return the scheme of a part, from the init itself or from its preset."""
    scheme = getattr(init, name)
    return getattr(_preset(init.preset, rnn_type), name) if scheme is None else scheme


def parts_of(asked: InitParts, *, projected: bool, biased: bool) -> Parts:
    """Return parts expanded.  Those the network does not have are `pytorch`."""
    return Parts(
        weight_ih=weight_in_full(asked.weight_ih),
        weight_hh=weight_in_full(asked.weight_hh),
        weight_hr=weight_in_full(asked.weight_hr) if projected else Pytorch(),
        bias=bias_in_full(asked.bias) if biased else PytorchBias(),
        overrides=tuple(override_in_full(override) for override in asked.overrides),
    )


def script_of(init: Any) -> AnyScript | None:
    """Return the script that an init names, or is."""
    if isinstance(init, str):
        return SCRIPTS[init]() if init in SCRIPTS else None
    return init if isinstance(init, NumpyRandn | TorchSeeded) else None


def weight_in_full(init: Any) -> Any:
    """Return the scheme of a weight that may be given by name."""
    return _plain(WEIGHT_SCHEMES[init]) if isinstance(init, str) else init


def bias_in_full(init: Any) -> Any:
    """Return the scheme of a bias that may be given by name."""
    return _plain(BIAS_SCHEMES[init]) if isinstance(init, str) else init


def override_in_full(override: WeightOverride | BiasOverride) -> Any:
    """Return the scheme of an override that may be given by name."""
    in_full = bias_in_full if isinstance(override, BiasOverride) else weight_in_full
    return in_full(override.init)


def for_all(scheme: Any) -> InitParts:
    """Return the parts for one scheme for all weights; a script has none and gets PyTorch's."""
    weight = Pytorch() if script_of(scheme) else weight_in_full(scheme)
    bias = PytorchBias() if isinstance(weight, Pytorch) else ZerosBias()
    return InitParts(weight_ih=weight, weight_hh=weight, weight_hr=weight, bias=bias)


@cache
def _plain(scheme: type[InitScheme]) -> InitScheme:
    """Return a scheme with its defaults; cached, since every place of a network requests it."""
    return scheme()


@cache
def _preset(name: str, rnn_type: str) -> InitParts:
    return InitParts.model_validate(PRESETS[name].parts[rnn_type])
