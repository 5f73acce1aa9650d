"""The init schemes of weights: one small model each.

A weight scheme fills one gate block `(hidden_size, in)`; with `scope: "fused"` it fills the stacked
matrix of all gates, as most libraries do.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from stepzero_rnn.spec.base import DrawCost, InitScheme, Number, Strict, refusal

MIN_CUT_WIDTH = 1e-6  # standard deviations between two cuts that `std_correct` can handle
Gain = Annotated[Number, Field(gt=0, description="Scale factor.")]


class WeightScheme(InitScheme):
    """Base of all weight schemes."""

    scope: Literal["gate", "fused"] = Field(
        default="gate",
        description="`gate` fills the block of each gate separately, with its own fans; `fused` "
        "fills the stacked matrix of all gates at once, as most libraries do.",
    )


class Pytorch(WeightScheme):
    """Uniform on ±1/√hidden_size: the default of `nn.RNN`, `nn.GRU` and `nn.LSTM`."""

    formula: ClassVar[str] = "U(±1/√hidden_size)"
    source: ClassVar[str] = "torch.nn.RNNBase.reset_parameters"

    scheme: Literal["pytorch"] = "pytorch"


def _not_below(low: float, high: float) -> PydanticCustomError:
    return refusal(
        "low_not_below_high",
        f"low ({low}) must be below high ({high})",
        field="/low",
        given=low,
        allowed=f"less than {high}",
    )


class Bounds(Strict):
    """A lower and an upper bound."""

    low: Number = Field(default=0.0, description="Lower bound.")
    high: Number = Field(default=1.0, description="Upper bound; above `low`.")

    @model_validator(mode="after")
    def _low_is_below_high(self) -> Self:
        if self.low >= self.high:
            raise _not_below(self.low, self.high)
        return self


class MeanStd(Strict):
    """A mean and a standard deviation."""

    mean: Number = Field(default=0.0, description="Mean.")
    std: Number = Field(default=1.0, ge=0, description="Standard deviation.")


class Uniform(WeightScheme, Bounds):
    """Uniform on [low, high)."""

    formula: ClassVar[str] = "U(low, high)"
    source: ClassVar[str] = "torch.nn.init"

    scheme: Literal["uniform"] = "uniform"


class Normal(WeightScheme, MeanStd):
    """Normal with `mean` and `std`; by default as `np.random.randn`."""

    formula: ClassVar[str] = "N(mean, std²)"
    source: ClassVar[str] = "torch.nn.init"

    scheme: Literal["normal"] = "normal"


class TruncNormal(WeightScheme):
    """Normal with `mean` and `std`, truncated at two bounds (inverse CDF, no rejection)."""

    formula: ClassVar[str] = "N(mean, std²) on [low, high]"
    source: ClassVar[str] = "torch.nn.init"

    scheme: Literal["trunc_normal"] = "trunc_normal"
    mean: Number = Field(default=0.0, description="Mean of the normal before truncation.")
    std: Number = Field(
        default=1.0, gt=0, description="Standard deviation of the normal before truncation."
    )
    low: Number = Field(default=-2.0, description="Lower cut, in the unit set by `bounds`.")
    high: Number = Field(default=2.0, description="Upper cut, in the unit set by `bounds`.")
    bounds: Literal["sigma", "absolute"] = Field(
        default="sigma",
        description="`sigma`: cut at mean + low·std and mean + high·std.  `absolute`: cut at the values "
        "low and high, as `torch.nn.init.trunc_normal_(a=, b=)` does.",
    )

    std_correct: bool = Field(
        default=False,
        description="Widen the normal so that `std` is the standard deviation after truncation, as "
        "Keras and JAX do in variance scaling; for cuts in `sigma`, which are widened too.",
    )

    @property
    def cut(self) -> tuple[float, float]:
        """Return both cuts in standard deviations from the mean."""
        if self.bounds == "sigma":
            return self.low, self.high
        return (self.low - self.mean) / self.std, (self.high - self.mean) / self.std

    @model_validator(mode="after")
    def _the_cut_holds_some_mass(self) -> Self:
        low, high = self.cut
        if low >= high:
            raise _not_below(self.low, self.high)
        if low > 8 or high < -8:
            raise refusal(
                "empty_cut",
                f"the interval from {low:.4g} to {high:.4g} standard deviations has almost no probability",
                field="/low",
                given=self.low,
                allowed="an interval that reaches within 8 standard deviations of the mean",
            )
        return self

    @model_validator(mode="after")
    def _a_corrected_cut_can_be_widened(self) -> Self:
        if self.std_correct and self.bounds == "absolute":
            raise refusal(
                "std_correct_of_absolute_cuts",
                "std_correct widens the normal and its cuts together, so the bounds must be in sigma",
                field="/bounds",
                given=self.bounds,
                allowed=["sigma"],
            )
        if self.std_correct and self.high - self.low < MIN_CUT_WIDTH:
            raise refusal(
                "narrow_cut",
                f"the interval from {self.low:.4g} to {self.high:.4g} standard deviations is too narrow "
                "for std_correct",
                field="/high",
                given=self.high,
                allowed=f"{MIN_CUT_WIDTH:g} or more above low",
            )
        return self


class Constant(WeightScheme):
    """Every element is `value`."""

    formula: ClassVar[str] = "value"
    source: ClassVar[str] = "torch.nn.init"

    scheme: Literal["constant"] = "constant"
    value: Number = Field(description="The value of every element.")


class Zeros(WeightScheme):
    """Every element is 0."""

    formula: ClassVar[str] = "0"
    source: ClassVar[str] = "torch.nn.init"

    scheme: Literal["zeros"] = "zeros"


class Ones(WeightScheme):
    """Every element is 1."""

    formula: ClassVar[str] = "1"
    source: ClassVar[str] = "torch.nn.init"

    scheme: Literal["ones"] = "ones"


class Identity(WeightScheme):
    """`gain` on the diagonal, 0 elsewhere; a rectangular block gets a rectangular identity."""

    formula: ClassVar[str] = "gain·I"
    source: ClassVar[str] = "torch.nn.init"

    scheme: Literal["identity"] = "identity"
    gain: Number = Field(default=1.0, description="The value on the diagonal.")


class FanScheme(WeightScheme):
    """Base of the schemes whose variance depends on fan_in and fan_out."""

    fans: Literal["block", "joint", "joint_pair"] = Field(
        default="block",
        description="`block`: fan_in and fan_out are the columns and rows of the filled block.  "
        "`joint`: fan_in is that of one matrix over input and state, as some libraries have.  "
        "`joint_pair`: as `joint`, and fan_out is that of two gates in one matrix.  A projection "
        "always uses its own fans.",
    )

    @model_validator(mode="after")
    def _a_pair_is_of_gates(self) -> Self:
        if self.fans == "joint_pair" and self.scope == "fused":
            raise refusal(
                "pair_of_fused",
                "a fused scheme fills all gates at once, not a pair of them",
                field="/fans",
                given=self.fans,
                allowed=["block", "joint"],
            )
        return self


class XavierUniform(FanScheme):
    """Uniform on ±gain·√(6 / (fan_in + fan_out)) (Glorot & Bengio 2010)."""

    formula: ClassVar[str] = "U(±gain·√(6/(fan_in + fan_out)))"
    source: ClassVar[str] = "Glorot & Bengio, AISTATS 2010"

    scheme: Literal["xavier_uniform"] = "xavier_uniform"
    gain: Gain = 1.0


class XavierNormal(FanScheme):
    """Normal with std gain·√(2 / (fan_in + fan_out)) (Glorot & Bengio 2010)."""

    formula: ClassVar[str] = "N(0, gain²·2/(fan_in + fan_out))"
    source: ClassVar[str] = "Glorot & Bengio, AISTATS 2010"

    scheme: Literal["xavier_normal"] = "xavier_normal"
    gain: Gain = 1.0


class _Kaiming(FanScheme):
    mode: Literal["fan_in", "fan_out"] = Field(
        default="fan_in",
        description="`fan_in` preserves the variance forwards, `fan_out` backwards.",
    )
    nonlinearity: Literal["linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"] = Field(
        default="leaky_relu", description="Sets the gain, as `torch.nn.init.calculate_gain` does."
    )
    a: Number = Field(default=0.0, description="Negative slope of `leaky_relu`.")


class KaimingUniform(_Kaiming):
    """Uniform on ±gain·√(3 / fan) (He et al. 2015, arXiv:1502.01852)."""

    formula: ClassVar[str] = "U(±gain·√(3/fan))"
    source: ClassVar[str] = "He et al., arXiv:1502.01852"

    scheme: Literal["kaiming_uniform"] = "kaiming_uniform"


class KaimingNormal(_Kaiming):
    """Normal with std gain / √fan (He et al. 2015, arXiv:1502.01852)."""

    formula: ClassVar[str] = "N(0, gain²/fan)"
    source: ClassVar[str] = "He et al., arXiv:1502.01852"

    scheme: Literal["kaiming_normal"] = "kaiming_normal"


class LecunUniform(FanScheme):
    """Uniform on ±√(3 / fan_in) (LeCun et al. 1998)."""

    formula: ClassVar[str] = "U(±√(3/fan_in))"
    source: ClassVar[str] = "LeCun et al., Efficient BackProp, 1998"

    scheme: Literal["lecun_uniform"] = "lecun_uniform"


class LecunNormal(FanScheme):
    """Normal with std 1 / √fan_in (LeCun et al. 1998; Klambauer et al. 2017, arXiv:1706.02515)."""

    formula: ClassVar[str] = "N(0, 1/fan_in)"
    source: ClassVar[str] = "LeCun et al. 1998; Klambauer et al., arXiv:1706.02515"

    scheme: Literal["lecun_normal"] = "lecun_normal"


class VarianceScaling(FanScheme):
    """Uniform, normal or truncated normal with variance scale / fan."""

    formula: ClassVar[str] = "variance scale/fan"
    source: ClassVar[str] = (
        "Keras and JAX VarianceScaling, with the variance of the truncated normal corrected"
    )

    scheme: Literal["variance_scaling"] = "variance_scaling"
    scale: Number = Field(default=1.0, gt=0, description="The variance times the fan.")
    mode: Literal["fan_in", "fan_out", "fan_avg", "fan_geo_avg"] = Field(
        default="fan_in", description="The fan: in, out, their mean or geometric mean."
    )
    distribution: Literal["uniform", "normal", "truncated_normal"] = Field(
        default="truncated_normal",
        description="`truncated_normal` is cut at ±2σ and, with `std_correct`, widened so that the "
        "variance is exact.",
    )
    std_correct: bool = Field(
        default=True,
        description="Whether a truncated normal is widened; otherwise its std is 0.8796 of the "
        "nominal one, as in the defaults of Haiku and Sonnet.",
    )

    @model_validator(mode="after")
    def _only_a_cut_needs_correction(self) -> Self:
        if not self.std_correct and self.distribution != "truncated_normal":
            raise refusal(
                "std_correct_of_no_cut",
                f"the {self.distribution} distribution is not truncated, so its std needs no correction",
                field="/std_correct",
                given=False,
                allowed=[True],
            )
        return self


class RandomWalk(WeightScheme):
    """Normal with std g / √n, n = fan_in, with g such that gradients neither grow nor shrink
    through the layers (Sussillo & Abbott 2014).
    """

    formula: ClassVar[str] = "N(0, g²/n), n = fan_in, g depends on n and nonlinearity"
    source: ClassVar[str] = "Sussillo & Abbott, arXiv:1412.6558"

    scheme: Literal["random_walk"] = "random_walk"
    nonlinearity: Literal["linear", "tanh", "relu"] = Field(
        default="tanh",
        description="Sets g: exp(1 / (2·n)), 1.13, or √2·exp(1.2 / (max(n, 6) − 2.4)).",
    )
    mode: Literal["fan_in", "fan_out"] = Field(default="fan_in", description="Which fan n is.")


class Hadamard(WeightScheme):
    """No random numbers: the identity or, if the block has more rows than columns, part of a scaled
    Hadamard matrix (ZerO; Zhao et al. 2021).

    All gates and layers of the same shape are equal.  Designed for residual networks: best for
    `weight_ih`.
    """

    formula: ClassVar[str] = "I; more rows than columns: 2^(−(m−1)/2)·H, m = ⌈log₂ rows⌉"
    source: ClassVar[str] = "ZerO; Zhao, Schäfer & Anandkumar, arXiv:2110.12661"

    scheme: Literal["hadamard"] = "hadamard"


class Orthogonal(WeightScheme):
    """`gain` times a uniformly (Haar) random semi-orthogonal matrix (Saxe et al. 2013)."""

    formula: ClassVar[str] = "gain·Q, Q uniform (Haar)"
    source: ClassVar[str] = "Saxe et al., arXiv:1312.6120; Stewart, SIAM J. Numer. Anal. 17, 1980"
    cost: ClassVar[DrawCost | None] = DrawCost(12, 1)

    scheme: Literal["orthogonal"] = "orthogonal"
    gain: Gain = 1.0
    determinant: Literal["any", "+1"] = Field(
        default="any",
        description="`+1`: a rotation (special orthogonal); for `weight_hh` without projection, gate by gate.",
    )

    @property
    def is_square(self) -> bool:
        """Yes with a determinant of +1."""
        return self.determinant == "+1"

    @model_validator(mode="after")
    def _determinants_are_the_gates_own(self) -> Self:
        if self.is_square and self.scope == "fused":
            raise refusal(
                "determinant_of_fused",
                "a stacked matrix is not square, so it has no determinant",
                field="/scope",
                given=self.scope,
                allowed=["gate"],
            )
        return self


class Sparse(WeightScheme):
    """Normal with std `std`, with a fixed number of zeros per unit (Martens 2010)."""

    formula: ClassVar[str] = "N(0, std²), ⌈sparsity·n⌉ zeros per unit"
    source: ClassVar[str] = "Martens, ICML 2010; torch.nn.init.sparse_ with axis out"
    cost: ClassVar[DrawCost | None] = DrawCost(8)

    scheme: Literal["sparse"] = "sparse"
    sparsity: Number = Field(ge=0, le=1, description="Fraction of zeros per unit, rounded up.")
    std: Number = Field(
        default=0.01, ge=0, description="Standard deviation of the nonzero elements."
    )
    axis: Literal["in", "out"] = Field(
        default="in",
        description="`in`: the zeros are counted per row (incoming connections of a hidden unit), as "
        "in Martens 2010.  `out`: per column, as in `torch.nn.init.sparse_`.",
    )
