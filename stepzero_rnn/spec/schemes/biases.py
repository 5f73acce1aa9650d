"""The init schemes of biases: one small model each.

A bias scheme states the total `bias_ih + bias_hh` of every gate; `split` says where it goes.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from stepzero_rnn.spec.base import InitScheme, Number, refusal
from stepzero_rnn.spec.schemes.weights import Bounds, MeanStd

Steps = Annotated[Number, Field(le=1e9)]
Split = Literal["ih", "hh", "half"]


class _Bias(InitScheme):
    parameters: ClassVar[tuple[str, ...]] = ("bias",)


class PytorchBias(_Bias):
    """Uniform on ±1/√hidden_size in both vectors: what `nn.RNN`, `nn.GRU`, `nn.LSTM` draw."""

    scheme: Literal["pytorch"] = "pytorch"


class ZerosBias(_Bias):
    """Both vectors are 0."""

    scheme: Literal["zeros"] = "zeros"


_WHERE = (
    "Where the total goes: all in `bias_ih`, all in `bias_hh`, or half in each.  In a "
    "GRU's gate n the two are different inputs, so there it always stays in `bias_ih`."
)


class SplitScheme(_Bias):
    """What all schemes share that can say which vector gets what."""

    split: Literal["ih", "hh", "half", "each"] = Field(
        default="ih",
        description=f"{_WHERE}  `each`: no total is drawn, but each of the two vectors by itself, as many libraries do; "
        "the total is then their sum, with twice the mean and twice the variance.",
    )

    @property
    def ties_input_gate(self) -> bool:
        """Whether an LSTM's input gate gets the forget gate's numbers with the other sign."""
        return False


class BiasScheme(SplitScheme):
    """What the schemes of a total share."""

    split: Split = Field(default="ih", description=_WHERE)


class ConstantBias(BiasScheme):
    """The total is `value` in every gate."""

    scheme: Literal["constant"] = "constant"
    value: Number = Field(description="The total of every element.")


class UniformBias(SplitScheme, Bounds):
    """The total, or with `split: each` either vector, is uniform on [low, high)."""

    scheme: Literal["uniform"] = "uniform"


class NormalBias(SplitScheme, MeanStd):
    """The total, or with `split: each` either vector, is normal with `mean` and `std`."""

    scheme: Literal["normal"] = "normal"


class RetentionBias(BiasScheme):
    """What the schemes share that state the bias of the gate that keeps the state.

    That is an LSTM's forget gate f and a GRU's update gate z, whose positive bias keeps the state
    in PyTorch's convention.
    """

    rnn_types: ClassVar[tuple[str, ...]] = ("gru", "lstm")
    needs: ClassVar[str] = "gate that keeps its state"


class ForgetBias(RetentionBias):
    """The total is `value` in the gate that keeps the state, 0 in the others.

    That is an LSTM's forget gate (Gers et al. 2000; Jozefowicz et al. 2015) and a GRU's update
    gate, whose positive bias keeps the state in PyTorch's convention.  A plain RNN has no such
    gate.
    """

    scheme: Literal["forget"] = "forget"
    value: Number = Field(default=1.0, description="The total bias of the keeping gate.")


class _MemoryTimes(RetentionBias):
    t_min: Steps = Field(default=2.0, description="Shortest memory, in time steps; 2 or more.")
    t_max: Steps = Field(
        description="Longest memory, in time steps: about the longest dependency that is looked for."
    )

    @model_validator(mode="after")
    def _times_are_in_order(self) -> Self:
        if self.t_min < 2:
            raise refusal(
                "t_min_below_2",
                f"t_min ({self.t_min:g}) must be 2 or more: the bias is log(T − 1), and a gate that keeps "
                "nothing for longer is what `zeros` gives",
                field="/t_min",
                given=self.t_min,
                allowed="2 or more",
            )
        if self.t_max < self.t_min:
            raise refusal(
                "t_max_below_t_min",
                f"t_max ({self.t_max:g}) must not be below t_min ({self.t_min:g}): memory times are drawn "
                "between the two; for short ones use `forget` or `zeros`",
                field="/t_max",
                given=self.t_max,
                allowed=f"{self.t_min:g} or more",
            )
        return self


class ChronoBias(_MemoryTimes):
    """Memory times T uniform on [t_min, t_max]: the keeping gate's total is log(T − 1) (Tallec &
    Ollivier 2018).

    An LSTM's input gate gets the same numbers with the other sign, exactly: b_i = −b_f.  All other
    gates get 0.
    """

    scheme: Literal["chrono"] = "chrono"

    @property
    def ties_input_gate(self) -> bool:
        """As the paper has it."""
        return True


class ChronoForgetOnlyBias(_MemoryTimes):
    """As `chrono`, but an LSTM's input gate gets 0 too (van der Westhuizen & Lasenby 2018)."""

    scheme: Literal["chrono_forget_only"] = "chrono_forget_only"


class UgiBias(RetentionBias):
    """Uniform gates: the keeping gate's activation is uniform on [1/hidden_size, 1 − 1/hidden_size]
    (Gu et al. 2020).
    """

    min_hidden_size: ClassVar[int] = 2
    scheme: Literal["ugi"] = "ugi"
    tied: bool = Field(
        default=False,
        description="An LSTM's input gate gets the same numbers with the other sign, so that i = 1 − f at first.",
    )

    @property
    def ties_input_gate(self) -> bool:
        """Where it was asked for."""
        return self.tied


class OutGateLadderBias(BiasScheme):
    """An LSTM's output gates open one after another: block k of `blocks` gets −step·(k + 1)
    (Hochreiter & Schmidhuber 1997).
    """

    rnn_types: ClassVar[tuple[str, ...]] = ("lstm",)
    needs: ClassVar[str] = "output gate"
    scheme: Literal["out_gate_ladder"] = "out_gate_ladder"
    step: Number = Field(default=1.0, gt=0, description="How much deeper each block starts.")
    blocks: int = Field(
        default=4,
        ge=1,
        le=2**16,
        description="Into how many blocks of neighbouring units, as even as can be, the layer is cut.",
    )
