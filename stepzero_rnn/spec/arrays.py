"""What a recipe says of uploaded arrays: which file, of what network, what of it counts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import product
from os import PathLike
from typing import Annotated, Any, Literal, TypedDict

from pydantic import Field

from stepzero_rnn.errors import RequestError
from stepzero_rnn.spec.base import SAFE_INTEGER, Size, Strict, at_most, refusal
from stepzero_rnn.spec.overrides import (
    MAX_LAYERS,
    MAX_OVERRIDES,
    Network,
    Place,
    Selection,
    lacking,
)
from stepzero_rnn.spec.parse import parse
from stepzero_rnn.spec.shapes import Sizes

LayoutName = Literal["pytorch", "keras", "flax", "onnx", "haiku", "sonnet", "tf1", "haste"]
ArrayName = Annotated[str, Field(max_length=64)]
MAX_NAMES = 512  # more are longer than a recipe may be


def listed(arrays: Any) -> Any:
    """Take one file's path for a list of it, and give all else that may be arrays as it is.

    Raises:
        RequestError: it is neither files nor arrays by their names.
    """
    if isinstance(arrays, str | PathLike):
        return [arrays]
    if isinstance(arrays, Mapping | Sequence):
        return arrays
    hint = "; give its state_dict()" if hasattr(arrays, "state_dict") else ""
    raise RequestError(
        f"`arrays` takes arrays by their names, or paths of files, but not a {type(arrays).__name__}{hint}."
    )


class Redraw(Selection):
    """A part that is drawn by its scheme although it is among the arrays."""

    parameter: Literal["weight_ih", "weight_hh", "weight_hr", "bias"] = Field(
        description="Which weight, or the biases of both vectors."
    )


Redraws = Annotated[
    tuple[Redraw, ...],
    Field(strict=False, max_length=MAX_OVERRIDES),
    at_most(MAX_OVERRIDES),
]
ArrayNames = Annotated[
    tuple[ArrayName, ...], Field(strict=False, max_length=MAX_NAMES), at_most(MAX_NAMES)
]


class UploadOptions(Strict):
    """How uploaded arrays are read; no part of the recipe, but for what is to be drawn anew."""

    layout: LayoutName = Field(
        default="pytorch",
        description="Whose names, shapes and gate order they have. Some things no array tells: onnx is taken as of "
        "linear_before_reset=1, keras as of reset_after=True and recurrent_activation=sigmoid, tf1 as of forget_bias=1; where that "
        "matters, `warnings` of the answer to the upload say so.",
    )
    prefix: str = Field(
        default="",
        max_length=512,
        description="What the names of the network's arrays begin with, as in a whole model's file: the others are left out.",
    )
    strict: bool = Field(
        default=False, description="Refuse an upload that does not give every parameter."
    )
    grow: bool = Field(
        default=False, description="Take arrays of a network that is smaller than the spec's."
    )
    redraw: Redraws = Field(
        default=(), description="Parts that are drawn by their schemes although they are given."
    )


class ReadingArguments(TypedDict, total=False):
    """The same as arguments of a call, but for the prefix."""

    layout: LayoutName
    strict: bool
    grow: bool
    redraw: Mapping[str, Any] | Sequence[Mapping[str, Any]]


class UploadArguments(ReadingArguments, total=False):
    """The same as arguments of a call."""

    prefix: str


def upload_options(given: Mapping[str, Any]) -> UploadOptions:
    """Validate the arguments of a call, in which one part to redraw stands for a list of it.

    Raises:
        InvalidSpec: one is wrong, or unknown.
    """
    redraw = given.get("redraw")
    alone = {"redraw": [redraw]} if isinstance(redraw, Mapping) else {}
    return parse(UploadOptions, {**given, **alone})


class SourceSizes(Strict):
    """The sizes of the network that the arrays are of, where they are smaller than the spec's."""

    input_size: Size | None = Field(default=None, description="Features of its input.")
    hidden_size: Size | None = Field(default=None, description="Features of its hidden state.")
    proj_size: Annotated[int, Field(ge=0, le=SAFE_INTEGER)] | None = Field(
        default=None, description="Size that its outputs are projected to."
    )
    num_layers: Annotated[int, Field(ge=1, le=MAX_LAYERS)] | None = Field(
        default=None, description="Its layers."
    )


class Arrays(Strict):
    """Uploaded arrays, taken as they are.  What they do not give is drawn by the schemes."""

    sha256: str = Field(
        pattern="^[0-9a-f]{64}$", description="Of the file that the service made of the upload."
    )
    sizes: SourceSizes = Field(
        default=SourceSizes(),
        description="Of the network that the arrays are of, where they differ.",
    )
    given: ArrayNames | None = Field(
        default=None,
        description="The arrays that count, where they are not all of their network: PyTorch's names, or "
        "`weight_ih_l0.forget` for one gate.",
    )
    redraw: Redraws = Field(
        default=(), description="Parts that are drawn by their schemes although they are given."
    )

    @cached_property
    def names(self) -> frozenset[str] | None:
        """The names of what is given; None for all."""
        return None if self.given is None else frozenset(self.given)

    def layers(self, network: Network) -> int:
        """Return how many layers the arrays' network has."""
        return self.sizes.num_layers or network.num_layers

    def source(self, sizes: Sizes) -> Sizes:
        """Return the sizes of the arrays' network."""
        own = (getattr(self.sizes, name) for name in Sizes._fields)
        return Sizes(
            *(size if mine is None else mine for mine, size in zip(own, sizes, strict=True))
        )

    def redrawn(self, network: Network) -> frozenset[tuple[str, Place]]:
        """Return the places that are drawn although they are given."""
        return frozenset(
            (part.parameter, place)
            for part in self.redraw
            for place in part.places(network.gates(part.parameter), network)
        )


def whole_names(arrays: Arrays, network: Network) -> Iterator[str]:
    """Name every tensor of the arrays' network, in `state_dict` order."""
    kinds = ["weight_ih", "weight_hh"] + ["bias_ih", "bias_hh"] * network.bias
    kinds += ["weight_hr"] * network.projected
    suffixes = ("", "_reverse")[: 1 + network.bidirectional]
    for layer, suffix, kind in product(range(arrays.layers(network)), suffixes, kinds):
        yield f"{kind}_l{layer}{suffix}"


def canonical_arrays(arrays: Arrays, network: Network, sizes: Sizes) -> dict[str, Any]:
    """Say it in one way for all spellings: what is as in the network itself is left out, names are
    in order.
    """
    plain: dict[str, Any] = {"sha256": arrays.sha256}
    own = {"num_layers": network.num_layers, **sizes._asdict()}
    differing = {
        name: size
        for name, size in arrays.sizes.model_dump(exclude_none=True).items()
        if size != own[name]
    }
    if differing:
        plain["sizes"] = differing
    wholes = [*whole_names(arrays, network)]
    if arrays.names is not None and arrays.names != {*wholes}:
        order = {name: place for place, name in enumerate(_with_gates(wholes, network))}
        plain["given"] = sorted(arrays.names, key=order.__getitem__)
    if arrays.redraw:
        parts = (
            part.selection(network.num_layers, network.bidirectional) for part in arrays.redraw
        )
        plain["redraw"] = [
            json.loads(text)
            for text in sorted({json.dumps(part, sort_keys=True) for part in parts})
        ]
    return plain


def refuse_unfit_arrays(arrays: Arrays, network: Network, sizes: Sizes) -> None:
    """Refuse what the network has no place for."""
    _refuse_sizes(arrays, network, sizes)
    _refuse_names(arrays, network)
    for number, part in enumerate(arrays.redraw):
        for field, given, allowed in lacking(part, part.parameter, network):
            raise refusal(
                "matches_nothing",
                f"the network has no {field} {given!r}, so there is nothing to draw anew",
                field=f"/arrays/redraw/{number}/{field}",
                given=given,
                allowed=allowed,
            )


def _refuse_sizes(arrays: Arrays, network: Network, sizes: Sizes) -> None:
    own = {"num_layers": network.num_layers, **sizes._asdict()}
    for name, size in arrays.sizes.model_dump(exclude_none=True).items():
        if size > own[name] or (size == 0) != (own[name] == 0):
            raise refusal(
                "not_grown",
                f"the arrays are of a network with {name} {size}, this one has {own[name]}: a network can "
                "grow, but not shrink, nor get or lose a projection",
                field=f"/arrays/sizes/{name}",
                given=size,
                allowed=f"at most {own[name]}",
            )


def _refuse_names(arrays: Arrays, network: Network) -> None:
    given = arrays.given or ()
    known = {*_with_gates(whole_names(arrays, network), network)} if given else set()
    wholes, before = {*given}, set[str]()
    for number, name in enumerate(given):
        if name not in known:
            raise refusal(
                "unknown_array",
                f"the arrays' network has nothing called {name!r}",
                field=f"/arrays/given/{number}",
                given=name,
                allowed="PyTorch's name of a parameter, or of a gate: weight_ih_l0.forget",
            )
        whole, dot, _ = name.partition(".")
        if name in before or (dot and whole in wholes):
            raise refusal(
                "given_twice",
                f"{name} stands there already, by itself or in the whole",
                field=f"/arrays/given/{number}",
                given=name,
                allowed="each number once",
            )
        before.add(name)


def _with_gates(wholes: Iterable[str], network: Network) -> Iterator[str]:
    """Name every tensor, each before its gates."""
    for whole in wholes:
        yield whole
        kind = whole.partition("_l")[0]
        yield from (f"{whole}.{gate}" for gate in network.gates(kind))
