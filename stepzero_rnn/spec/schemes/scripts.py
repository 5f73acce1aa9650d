"""Scripts: whole networks as a user's own code initializes them, number for number.

Such code draws all numbers from one generator in sequence, so the order of its steps matters, and
the last bits depend on the library that it calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_serializer, model_validator

from stepzero_rnn.spec.base import InitScheme, Number, refusal

Function = Literal[
    "uniform_",
    "normal_",
    "trunc_normal_",
    "constant_",
    "zeros_",
    "ones_",
    "eye_",
    "xavier_uniform_",
    "xavier_normal_",
    "kaiming_uniform_",
    "kaiming_normal_",
    "orthogonal_",
]
_KAIMING = {"a": 0.0, "mode": "fan_in", "nonlinearity": "leaky_relu"}
# The arguments of each function, with torch's own defaults; None means required.
FUNCTIONS: Mapping[str, Mapping[str, Any]] = {
    "uniform_": {"a": 0.0, "b": 1.0},
    "normal_": {"mean": 0.0, "std": 1.0},
    "trunc_normal_": {"mean": 0.0, "std": 1.0, "a": -2.0, "b": 2.0},
    "constant_": {"val": None},
    "zeros_": {},
    "ones_": {},
    "eye_": {},
    "xavier_uniform_": {"gain": 1.0},
    "xavier_normal_": {"gain": 1.0},
    "kaiming_uniform_": _KAIMING,
    "kaiming_normal_": _KAIMING,
    "orthogonal_": {"gain": 1.0},
}
FOR_MATRICES = [name for name in FUNCTIONS if name.startswith(("eye", "xavier", "kaiming", "orth"))]
MAX_CUT = 10  # standard deviations; torch samples by rejection and might never finish
Argument = Annotated[Number, Field(ge=-1e4, le=1e4)]  # what every dtype holds


class _Sparing(InitScheme):
    @model_serializer(mode="wrap")
    def _say_only_what_was_given(self, write: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        return {name: value for name, value in write(self).items() if value is not None}


class Call(_Sparing):
    """A call of a function of `torch.nn.init` on a whole parameter, by default with torch's own
    arguments.
    """

    function: Function = Field(description="The function, by its name in `torch.nn.init`.")
    a: Argument | None = Field(
        default=None,
        description="Lower bound (`uniform_`), lower cut (`trunc_normal_`), or negative slope (`kaiming_…`).",
    )
    b: Argument | None = Field(default=None, description="Upper bound, or upper cut.")
    mean: Argument | None = Field(default=None, description="Mean.")
    std: Argument | None = Field(default=None, ge=0, description="Standard deviation.")
    val: Argument | None = Field(default=None, description="The value (`constant_`).")
    gain: Argument | None = Field(default=None, description="Scale factor.")
    mode: Literal["fan_in", "fan_out"] | None = Field(default=None, description="Which fan.")
    nonlinearity: Literal["linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"] | None = Field(
        default=None, description="Sets the gain of `kaiming_…`."
    )

    @model_validator(mode="before")
    @classmethod
    def _torchs_own_arguments_need_not_be_given(cls, value: Any) -> Any:
        defaults = FUNCTIONS.get(str(value.get("function"))) if isinstance(value, dict) else None
        if defaults is None:
            return value
        return {
            name: argument
            for name, argument in value.items()
            if isinstance(argument, bool) or argument is None or defaults.get(name) != argument
        }

    @property
    def arguments(self) -> dict[str, Any]:
        """All arguments, by torch's names."""
        arguments = self.model_dump(exclude={"function"}, exclude_none=True)
        return {**FUNCTIONS[self.function], **arguments}

    @model_validator(mode="after")
    def _arguments_are_the_functions_own(self) -> Self:
        accepted = FUNCTIONS[self.function]
        for name in type(self).model_fields:
            argument = getattr(self, name)
            if name != "function" and argument is not None and name not in accepted:
                raise refusal(
                    "unknown_argument",
                    f"{self.function} takes no {name}",
                    field=f"/{name}",
                    given=argument,
                    allowed=[*accepted],
                )
        for name, value in self.arguments.items():
            if value is None:
                raise refusal("missing", f"{self.function} needs {name}", field=f"/{name}")
        return self

    @model_validator(mode="after")
    def _bounds_are_in_order(self) -> Self:
        low, high = self.arguments.get("a"), self.arguments.get("b")
        if low is not None and high is not None and low >= high:
            raise refusal(
                "low_not_below_high",
                f"a ({low:g}) must be below b ({high:g})",
                field="/a",
                given=low,
                allowed=f"less than {high:g}",
            )
        return self

    @model_validator(mode="after")
    def _a_cut_is_found_by_rejection(self) -> Self:
        if self.function != "trunc_normal_":
            return self
        mean, std, low, high = (self.arguments[name] for name in ("mean", "std", "a", "b"))
        if std == 0:
            raise refusal(
                "std_of_0",
                "a normal distribution with std 0 cannot be truncated",
                field="/std",
                given=std,
            )
        distance = max(abs(low - mean), abs(high - mean))
        if not low <= mean <= high and distance > MAX_CUT * std:
            raise refusal(
                "far_cut",
                "torch samples by rejection, which is too slow "
                f"{distance / std:.4g} standard deviations from the mean",
                field="/a",
                given=low,
                allowed=f"cuts on both sides of the mean, or within {MAX_CUT} standard deviations of it",
            )
        return self


def _call(value: Any) -> Any:
    return {"function": value} if isinstance(value, str) else value


AnyCall = Annotated[Call, BeforeValidator(_call)]


class Script(_Sparing):
    """Base of all scripts: the library whose generator they use, and the largest seed it takes."""

    parameters: ClassVar[tuple[str, ...]] = ("weight_ih", "weight_hh", "weight_hr", "bias")
    library: ClassVar[str]
    largest_seed: ClassVar[int]
    scope: ClassVar[Literal["fused"]] = "fused"


class NumpyRandn(Script):
    """`numpy.random.seed(seed)`, then `randn(*shape)` for each weight in `state_dict` order; biases
    are 0.
    """

    library: ClassVar[str] = "numpy"
    largest_seed: ClassVar[int] = 2**32 - 1
    formula: ClassVar[str] = "weights N(0, scale²), biases 0; bit-identical to NumPy's"
    source: ClassVar[str] = "numpy.random.seed, numpy.random.randn"

    scheme: Literal["numpy_randn"] = "numpy_randn"
    scale: Argument = Field(default=1.0, description="Factor for every number.")


class TorchSeeded(Script):
    """`torch.manual_seed(seed)`, then the module's constructor, then a function of `torch.nn.init`
    for the parameters named.
    """

    library: ClassVar[str] = "torch"
    largest_seed: ClassVar[int] = 2**53 - 1
    formula: ClassVar[str] = (
        "U(±1/√hidden_size), then the functions named; bit-identical to torch's"
    )
    source: ClassVar[str] = "torch.manual_seed, torch.nn.RNNBase.reset_parameters, torch.nn.init"

    scheme: Literal["torch_seeded"] = "torch_seeded"
    weight_ih: AnyCall | None = Field(default=None, description="Called on every `weight_ih_l…`.")
    weight_hh: AnyCall | None = Field(default=None, description="Called on every `weight_hh_l…`.")
    weight_hr: AnyCall | None = Field(default=None, description="Called on every `weight_hr_l…`.")
    bias_ih: AnyCall | None = Field(default=None, description="Called on every `bias_ih_l…`.")
    bias_hh: AnyCall | None = Field(default=None, description="Called on every `bias_hh_l…`.")

    @property
    def calls(self) -> Mapping[str, Call]:
        """The calls, by the parameter they fill."""
        named = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: call for name, call in named.items() if isinstance(call, Call)}

    @model_validator(mode="after")
    def _a_bias_is_no_matrix(self) -> Self:
        for name, call in self.calls.items():
            if name.startswith("bias") and call.function in FOR_MATRICES:
                raise refusal(
                    "not_for_vectors",
                    f"torch.nn.init.{call.function} fills matrices, but {name} is a vector",
                    field=f"/{name}",
                    given=call.function,
                    allowed=[name for name in FUNCTIONS if name not in FOR_MATRICES],
                )
        return self


AnyScript = NumpyRandn | TorchSeeded
SCRIPTS: Mapping[str, type[AnyScript]] = {"numpy_randn": NumpyRandn, "torch_seeded": TorchSeeded}
ScriptName = Literal["numpy_randn", "torch_seeded"]


def refuse_unplayable(script: Script, network: Mapping[str, Any]) -> None:
    """Reject a script that its library would reject for this network.

    Args:
        network: the valid fields of the spec.
    """
    seed = network.get("seed", 0)
    if seed > script.largest_seed:
        raise refusal(
            "seed_too_large",
            f"{script.library} accepts seeds up to {script.largest_seed}, but the seed is {seed}",
            field="/scheme",
            given=seed,
            allowed=f"a seed of at most {script.largest_seed}",
        )
    for name, call in script.calls.items() if isinstance(script, TorchSeeded) else ():
        if name == "weight_hr" and network.get("proj_size") == 0:
            raise refusal(
                "unused_part", "without proj_size there is no weight_hr", field="/weight_hr"
            )
        if name.startswith("bias") and network.get("bias") is False:
            raise refusal("unused_part", "with bias false there are no biases", field=f"/{name}")
        if call.function == "orthogonal_" and network.get("dtype") in ("float16", "bfloat16"):
            raise refusal(
                "dtype_not_in_function",
                f"torch's orthogonal_ does not support {network['dtype']}; the scheme `orthogonal` "
                "supports every dtype",
                field=f"/{name}",
                given=network["dtype"],
                allowed=["float32", "float64"],
            )
