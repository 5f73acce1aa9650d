"""The network of a spec: everything but how it is initialized."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from stepzero_rnn.dtypes import DTypeName
from stepzero_rnn.spec.base import SAFE_INTEGER, Number, Size, Strict, refusal
from stepzero_rnn.spec.compatibility import network_of
from stepzero_rnn.spec.networks import RNNS, Network, RnnType
from stepzero_rnn.spec.overrides import MAX_LAYERS


class NetworkSpec(Strict):
    """A recurrent network without its initialization: kind, sizes and dtype.

    The names and defaults are those of `torch.nn.RNN`, `torch.nn.GRU` and `torch.nn.LSTM`.
    """

    rnn_type: RnnType = Field(description="The kind of recurrent network.")
    nonlinearity: Literal["tanh", "relu"] | None = Field(
        default=None,
        description="A plain RNN's activation, `tanh` unless given; not for GRU, LSTM.",
    )
    input_size: Size = Field(description="Features per time step of the input.")
    hidden_size: Size = Field(description="Features of the hidden state.")
    num_layers: int = Field(default=1, ge=1, le=MAX_LAYERS, description="Stacked layers.")
    bias: bool = Field(default=True, description="Whether there are `bias_ih` and `bias_hh`.")
    bidirectional: bool = Field(
        default=False, description="Whether a second network runs backwards."
    )
    proj_size: int = Field(
        default=0,
        ge=0,
        le=SAFE_INTEGER,
        description="Size an LSTM's output is projected to, below `hidden_size`; 0 for none.",
    )
    batch_first: bool = Field(
        default=False, description="Whether input is (batch, seq, feature). Changes no weight."
    )
    dropout: Number = Field(
        default=0.0, ge=0, le=1, description="Dropout between layers. Changes no weight."
    )
    dtype: DTypeName = Field(default="float32", description="Element type of every parameter.")
    accept_nonfinite: bool = Field(
        default=False, description="Serve the network even if its output overflows."
    )
    accept_dead: bool = Field(
        default=False, description="Serve the network even if its output is zero everywhere."
    )

    @field_validator("nonlinearity")
    @classmethod
    def _nonlinearity_is_a_plain_rnns(cls, value: str | None, info: ValidationInfo) -> str | None:
        rnn = RNNS.get(info.data.get("rnn_type", ""))
        if value is not None and rnn and not rnn.has_nonlinearity:
            raise refusal(
                "not_for_rnn_type",
                f"the nonlinearities of {rnn.name} are fixed; omit this field",
            )
        return value

    @field_validator("proj_size")
    @classmethod
    def _projection_is_a_smaller_lstms(cls, value: int, info: ValidationInfo) -> int:
        rnn_type, hidden = info.data.get("rnn_type"), info.data.get("hidden_size")
        if value and rnn_type and not RNNS[rnn_type].has_projection:
            raise refusal(
                "not_for_rnn_type", f"{rnn_type} has no projection; only lstm does", allowed=0
            )
        if value and hidden is not None and value >= hidden:
            raise refusal(
                "proj_size_not_below_hidden_size",
                f"proj_size ({value}) must be below hidden_size ({hidden})",
                allowed=f"0 to {hidden - 1}",
            )
        return value

    @cached_property
    def network(self) -> Network:
        """The kind and sizes of the network."""
        return network_of(vars(self))

    @property
    def directions(self) -> int:
        """1, or 2 for a bidirectional network."""
        return self.network.directions

    @property
    def cells(self) -> int:
        """The number of single recurrent nets: layers times directions."""
        return self.num_layers * self.directions

    @property
    def output_size(self) -> int:
        """Output features: the (projected) hidden state of all directions."""
        return self.network.output_size

    @property
    def module_arguments(self) -> dict[str, Any]:
        """The arguments of torch's module, but for dtype and device."""
        rnn = self.network.rnn
        arguments: dict[str, Any] = {
            "input_size": self.input_size,
            "hidden_size": self.hidden_size,
            "num_layers": self.num_layers,
            "bias": self.bias,
            "batch_first": self.batch_first,
            "dropout": self.dropout,
            "bidirectional": self.bidirectional,
        }
        if rnn.has_nonlinearity:
            arguments["nonlinearity"] = self.nonlinearity or "tanh"
        if rnn.has_projection:
            arguments["proj_size"] = self.proj_size
        return arguments
