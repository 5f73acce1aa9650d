"""The request models: the recipe (network, init and seed), and options for serving it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal, Self, get_args

from pydantic import Field, ValidationInfo, field_validator

from stepzero_rnn.errors import FieldError, InvalidSpec
from stepzero_rnn.spec.arrays import Arrays
from stepzero_rnn.spec.base import SAFE_INTEGER, Strict, refusal
from stepzero_rnn.spec.compatibility import refuse_misfit
from stepzero_rnn.spec.init import Init, InitParts, Parts, in_parts, parts_of, script_of
from stepzero_rnn.spec.network_spec import NetworkSpec
from stepzero_rnn.spec.overrides import (
    BiasOverride,
    Place,
    WeightOverride,
    resolve,
)
from stepzero_rnn.spec.schemes.scripts import AnyScript
from stepzero_rnn.thresholds import CACHED_LAYER_BYTES, LARGE_LAYER_BYTES

_DEVICE = re.compile(r"auto|cpu|cuda(:(0|[1-9][0-9]{0,2}))?|mps")

FormatName = Literal[
    "pt",
    "safetensors",
    "npz",
    "bundle",
    "onnx",
    "onnx_data",
    "onnx_zip",
    "keras_weights",
    "keras",
    "flax",
    "flax_safetensors",
    "mlx",
]


class Spec(NetworkSpec):
    """A recurrent network at training step zero: the recipe that fixes every byte of a checkpoint.

    The names and defaults are those of `torch.nn.RNN`, `torch.nn.GRU` and `torch.nn.LSTM`.
    """

    seed: int = Field(
        default=0,
        ge=0,
        le=SAFE_INTEGER,
        description="Which random numbers are drawn: the same seed gives the same weights.",
    )
    init: Init = Field(
        default="pytorch",
        description="The name of a preset: `pytorch` (PyTorch's own defaults), or those of another library or a paper; "
        "or one scheme, by name or as an object, for all weights, with biases 0; or a script (`numpy_randn`, `torch_seeded`) "
        "that reproduces a user's own initialization code; or an object with a scheme for each of "
        "`weight_ih`, `weight_hh`, `weight_hr` and `bias`, a `preset` for those not named, and `overrides` for "
        "layers, directions and gates.",
    )

    @field_validator("init")
    @classmethod
    def _init_fits_the_network(cls, value: Any, info: ValidationInfo) -> Any:
        refuse_misfit(value, info.data)
        return value

    @property
    def script(self) -> AnyScript | None:
        """The script that fills the whole network, if any."""
        return script_of(self.init)

    @cached_property
    def parts(self) -> Parts:
        """The init with every part filled in.

        Parts that the network lacks, and all parts of a script, are `pytorch`.
        """
        return parts_of(self._init_parts, projected=self.proj_size > 0, biased=self.bias)

    @property
    def overrides(self) -> tuple[WeightOverride | BiasOverride, ...]:
        """The overrides of the parts, in order, those of the preset included."""
        return self._init_parts.overrides

    @cached_property
    def _init_parts(self) -> InitParts:
        return in_parts(self.init, self.network)

    @property
    def arrays(self) -> Arrays | None:
        """The uploaded arrays, which take precedence over the schemes."""
        return self.init.arrays if isinstance(self.init, InitParts) else None

    @cached_property
    def redrawn(self) -> frozenset[tuple[str, Place]]:
        """The gates that are drawn although uploaded arrays have them."""
        return self.arrays.redrawn(self.network) if self.arrays else frozenset()

    @cached_property
    def _exceptions(self) -> Mapping[tuple[str, Place], int]:
        return resolve(self.overrides, self.network) if self.overrides else {}

    def scheme_at(self, parameter: str, place: Place) -> Any:
        """Return the scheme of one gate of one cell."""
        number = self.override_at(parameter, place)
        return getattr(self.parts, parameter) if number is None else self.parts.overrides[number]

    def override_at(self, parameter: str, place: Place) -> int | None:
        """Return the index of the override that applies to one gate of one cell, if any."""
        return self._exceptions.get((parameter, place))

    @cached_property
    def unseeded(self) -> Self:
        """The same recipe with seed 0."""
        return self.model_copy(update={"seed": 0})


class CheckSize(Strict):
    """The size of the sanity forward pass.  A plan names the sizes that are not requested."""

    seq_len: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description=f"Time steps; by default 16, or 8 if a layer has more than {LARGE_LAYER_BYTES >> 20} MiB.",
    )
    batch: int | None = Field(
        default=None,
        ge=1,
        le=256,
        description=f"Sequences; by default 4, or 1 if a layer has more than {CACHED_LAYER_BYTES >> 20} MiB.",
    )


class OnDevice(Strict):
    """Where to work.  The device changes no weight."""

    device: str = Field(
        default="auto",
        description="Device to draw and run on: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`. The bytes are the same.",
        json_schema_extra={"pattern": f"^({_DEVICE.pattern})$"},
    )

    @field_validator("device")
    @classmethod
    def _device_is_a_known_kind(cls, value: str) -> str:
        if not _DEVICE.fullmatch(value):
            raise refusal(
                "unknown_device",
                f"unknown kind of device: {value[:40]!r}",
                allowed=["auto", "cpu", "cuda", "cuda:N", "mps"],
            )
        return value


class Serving(OnDevice):
    """How to serve a checkpoint.  Nothing here changes a weight."""

    check: CheckSize = Field(default=CheckSize(), description="Size of the sanity forward pass.")


class Detailed(Serving):
    """How to serve a summary."""

    layer: int | None = Field(
        default=None,
        ge=0,
        description="Return the details of this layer, counted from 0. Without it, a summary has the details of all "
        "layers if layers times directions is at most 4, and totals alone for deeper networks.",
    )


def require_layer(layer: int | None, spec: Spec) -> None:
    """Reject a layer that the network does not have.  Raises InvalidSpec."""
    if layer is not None and layer >= spec.num_layers:
        detail = f"the network has {spec.num_layers} layers, counted from 0"
        allowed = f"0 to {spec.num_layers - 1}"
        raise InvalidSpec([FieldError("/layer", "no_such_layer", detail, layer, allowed)])


class CheckpointRequest(Spec, Serving):
    """A recipe and the options for serving it."""

    format: FormatName | None = Field(
        default=None,
        description="File format; by default that of the Accept header, else `pt`.",
    )

    @cached_property
    def spec(self) -> Spec:
        """The recipe alone, which has already been validated."""
        return Spec.model_construct(
            {*Spec.model_fields}, **{name: getattr(self, name) for name in Spec.model_fields}
        )

    @property
    def serving(self) -> Serving:
        """The options for serving alone."""
        return Serving(device=self.device, check=self.check)


FORMAT_NAMES: tuple[FormatName, ...] = get_args(FormatName)
