"""The init schemes of biases: one small model each.

A bias scheme defines the total `bias_ih + bias_hh` of every gate; `split` distributes it.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from stepzero_rnn.spec.base import InitScheme, Number, refusal
from stepzero_rnn.spec.schemes.weights import Bounds, MeanStd

MemorySteps = Annotated[Number, Field(le=1e9)]
Split = Literal["ih", "hh", "half"]


class _Bias(InitScheme):
    parameters: ClassVar[tuple[str, ...]] = ("bias",)


class PytorchBias(_Bias):
    """Uniform on ±1/√hidden_size in both vectors: the default of `nn.RNN`, `nn.GRU`, `nn.LSTM`."""

    formula: ClassVar[str] = "U(±1/√hidden_size), both"
    source: ClassVar[str] = "torch.nn.RNNBase.reset_parameters"

    scheme: Literal["pytorch"] = "pytorch"


class ZerosBias(_Bias):
    """Both vectors are 0."""

    formula: ClassVar[str] = "0"
    source: ClassVar[str] = "Keras, Flax"

    scheme: Literal["zeros"] = "zeros"


_WHERE = (
    "Where the total goes: all to `bias_ih`, all to `bias_hh`, or half to each.  In a GRU's gate n "
    "the two vectors enter at different points, so there it always goes to `bias_ih`."
)


class SplitScheme(_Bias):
    """Base of all schemes with a choice of how the total is split between the vectors."""

    split: Literal["ih", "hh", "half", "each"] = Field(
        default="ih",
        description=f"{_WHERE}  `each`: the two vectors are drawn independently, as in many "
        "libraries; the total is their sum, with twice the mean and twice the variance.",
    )

    @property
    def ties_input_gate(self) -> bool:
        """Whether an LSTM's input gate gets the forget gate's values with opposite sign."""
        return False


class BiasScheme(SplitScheme):
    """Base of the schemes that define a total."""

    split: Split = Field(default="ih", description=_WHERE)


class ConstantBias(BiasScheme):
    """The total is `value` in every gate."""

    formula: ClassVar[str] = "total = value"
    source: ClassVar[str] = "torch.nn.init"

    scheme: Literal["constant"] = "constant"
    value: Number = Field(description="The total of every element.")


class UniformBias(SplitScheme, Bounds):
    """The total, or with `split: each` either vector, is uniform on [low, high)."""

    formula: ClassVar[str] = "total ~ U(low, high)"
    source: ClassVar[str] = "torch.nn.init"

    scheme: Literal["uniform"] = "uniform"


class NormalBias(SplitScheme, MeanStd):
    """The total, or with `split: each` either vector, is normal with `mean` and `std`."""

    formula: ClassVar[str] = "total ~ N(mean, std²)"
    source: ClassVar[str] = "torch.nn.init"

    scheme: Literal["normal"] = "normal"


class RetentionBias(BiasScheme):
    """Base of the schemes that set the bias of the gate that retains the state.

    That is an LSTM's forget gate f and a GRU's update gate z; in PyTorch's convention a positive
    bias retains the state.
    """

    rnn_types: ClassVar[tuple[str, ...]] = ("gru", "lstm")
    needs: ClassVar[str] = "gate that retains the state"


class ForgetBias(RetentionBias):
    """The total is `value` in the gate that retains the state, 0 in the others.

    That is an LSTM's forget gate (Gers et al. 2000; Jozefowicz et al. 2015) and a GRU's update
    gate; in PyTorch's convention a positive bias retains the state.  A plain RNN has no such gate.
    """

    formula: ClassVar[str] = "total of gate f (LSTM) or z (GRU) = value, else 0"
    source: ClassVar[str] = (
        "Gers, Schmidhuber & Cummins 2000; Jozefowicz, Zaremba & Sutskever, ICML 2015"
    )

    scheme: Literal["forget"] = "forget"
    value: Number = Field(default=1.0, description="The total bias of the retention gate.")


class _MemoryTimes(RetentionBias):
    t_min: MemorySteps = Field(
        default=2.0, description="Shortest memory, in time steps; 2 or more."
    )
    t_max: MemorySteps = Field(
        description="Longest memory, in time steps: about the longest dependency of interest."
    )

    @model_validator(mode="after")
    def _times_are_in_order(self) -> Self:
        if self.t_min < 2:
            raise refusal(
                "t_min_below_2",
                f"t_min ({self.t_min:g}) must be 2 or more: the bias is log(T − 1), which is 0 at "
                "T = 2; for biases of 0 use `zeros`",
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
    """Memory times T uniform on [t_min, t_max]: the retention gate's total is log(T − 1) (Tallec
    & Ollivier 2018).

    An LSTM's input gate gets the same values with opposite sign, exactly: b_i = −b_f.  All other
    gates get 0.
    """

    formula: ClassVar[str] = (
        "b_f = −b_i (LSTM) or b_z (GRU) = log(T − 1), T ~ U(t_min, t_max), else 0"
    )
    source: ClassVar[str] = "Tallec & Ollivier, arXiv:1804.11188"

    scheme: Literal["chrono"] = "chrono"

    @property
    def ties_input_gate(self) -> bool:
        """As in the paper."""
        return True


class ChronoForgetOnlyBias(_MemoryTimes):
    """As `chrono`, but an LSTM's input gate gets 0 too (van der Westhuizen & Lasenby 2018)."""

    formula: ClassVar[str] = "b_f (LSTM) or b_z (GRU) = log(T − 1), T ~ U(t_min, t_max), else 0"
    source: ClassVar[str] = "van der Westhuizen & Lasenby, arXiv:1804.04849"

    scheme: Literal["chrono_forget_only"] = "chrono_forget_only"


class UgiBias(RetentionBias):
    """Uniform gates: the activation of the retention gate is uniform on
    [1/hidden_size, 1 − 1/hidden_size] (Gu et al. 2020).
    """

    min_hidden_size: ClassVar[int] = 2
    formula: ClassVar[str] = (
        "σ(b_f) (LSTM) or σ(b_z) (GRU) ~ U(1/hidden_size, 1 − 1/hidden_size), else 0"
    )
    source: ClassVar[str] = "Gu et al., arXiv:1910.09890"

    scheme: Literal["ugi"] = "ugi"
    tied: bool = Field(
        default=False,
        description="Whether an LSTM's input gate gets the same values with opposite sign, so that "
        "initially i = 1 − f.",
    )

    @property
    def ties_input_gate(self) -> bool:
        """If requested."""
        return self.tied


class OutGateLadderBias(BiasScheme):
    """An LSTM's output gates are biased in steps: block k of `blocks` gets −step·(k + 1)
    (Hochreiter & Schmidhuber 1997).
    """

    rnn_types: ClassVar[tuple[str, ...]] = ("lstm",)
    needs: ClassVar[str] = "output gate"
    formula: ClassVar[str] = "b_o = −step·(k + 1) in block k (LSTM), else 0"
    source: ClassVar[str] = "Hochreiter & Schmidhuber, Neural Computation 9(8), 1997"

    scheme: Literal["out_gate_ladder"] = "out_gate_ladder"
    step: Number = Field(default=1.0, gt=0, description="How much lower the bias of each block is.")
    blocks: int = Field(
        default=4,
        ge=1,
        le=2**16,
        description="Number of blocks of adjacent units, as equal in size as possible.",
    )
