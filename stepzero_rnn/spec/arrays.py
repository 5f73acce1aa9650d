"""Uploaded arrays in a recipe: which file, of which network, and which of its arrays are used."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from os import PathLike
from typing import Annotated, Any, Literal, TypedDict

from pydantic import Field

from stepzero_rnn.errors import RequestError
from stepzero_rnn.spec.base import SAFE_INTEGER, Size, Strict, at_most, refusal
from stepzero_rnn.spec.networks import Network
from stepzero_rnn.spec.overrides import (
    MAX_LAYERS,
    MAX_OVERRIDES,
    Place,
    Selection,
    lacking,
)
from stepzero_rnn.spec.parse import parse

LayoutName = Literal["pytorch", "keras", "flax", "onnx", "haiku", "sonnet", "tf1", "haste", "mlx"]
ArrayName = Annotated[str, Field(max_length=64)]
MAX_NAMES = 512  # more would not fit in a recipe


def listed(arrays: Any) -> Any:
    """Return a single path as a list of one, and everything else unchanged.

    Raises:
        RequestError: `arrays` is neither paths nor a mapping of names to arrays.
    """
    if isinstance(arrays, str | PathLike):
        return [arrays]
    if isinstance(arrays, Mapping | Sequence):
        return arrays
    hint = "; pass its state_dict()" if hasattr(arrays, "state_dict") else ""
    raise RequestError(
        "`arrays` must be a mapping of names to arrays, or paths of files, "
        f"not a {type(arrays).__name__}{hint}."
    )


class Redraw(Selection):
    """A part that is drawn by its scheme even though it was uploaded."""

    parameter: Literal["weight_ih", "weight_hh", "weight_hr", "bias"] = Field(
        description="The weight, or `bias` for both bias vectors."
    )


Redraws = Annotated[
    tuple[Redraw, ...],
    Field(strict=False, max_length=MAX_OVERRIDES),
    at_most(MAX_OVERRIDES),
]
ArrayNames = Annotated[
    tuple[ArrayName, ...], Field(strict=False, max_length=MAX_NAMES), at_most(MAX_NAMES)
]


class IdentifyOptions(Strict):
    """How arrays are read that come without a spec."""

    layout: LayoutName = Field(
        default="pytorch",
        description="The library whose names, shapes and gate order the arrays use. Arrays do not "
        "record every setting: onnx is read as linear_before_reset=1, keras as reset_after=True "
        "and recurrent_activation=sigmoid, tf1 as forget_bias=1. Assumptions that matter are listed "
        "in the `warnings` of the response to the upload.",
    )
    prefix: str = Field(
        default="",
        max_length=512,
        description="Prefix of the names of the network's arrays, as in the file of a larger model; "
        "arrays without it are ignored.",
    )


class UploadOptions(IdentifyOptions):
    """How uploaded arrays are read.  Only `redraw` becomes part of the recipe."""

    strict: bool = Field(
        default=False, description="Reject an upload that does not contain every parameter."
    )
    grow: bool = Field(
        default=False, description="Accept arrays of a network that is smaller than the spec's."
    )
    redraw: Redraws = Field(
        default=(),
        description="Parts that are drawn by their schemes even though they were uploaded.",
    )


class IdentifyArguments(TypedDict, total=False):
    """The options of arrays that come without a spec, as keyword arguments."""

    layout: LayoutName
    prefix: str


class ReadingArguments(TypedDict, total=False):
    """The same options as keyword arguments, except `prefix`."""

    layout: LayoutName
    strict: bool
    grow: bool
    redraw: Mapping[str, Any] | Sequence[Mapping[str, Any]]


class UploadArguments(ReadingArguments, total=False):
    """The same options as keyword arguments."""

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
    """The sizes of the network the arrays come from, if smaller than the spec's."""

    input_size: Size | None = Field(default=None, description="Input size of that network.")
    hidden_size: Size | None = Field(default=None, description="Hidden size of that network.")
    proj_size: Annotated[int, Field(ge=0, le=SAFE_INTEGER)] | None = Field(
        default=None, description="Projection size of that network."
    )
    num_layers: Annotated[int, Field(ge=1, le=MAX_LAYERS)] | None = Field(
        default=None, description="Layers of that network."
    )


class Arrays(Strict):
    """Uploaded arrays, used unchanged.  Missing parameters are drawn by the schemes."""

    sha256: str = Field(
        pattern="^[0-9a-f]{64}$",
        description="SHA-256 of the canonical file that the upload was stored as.",
    )
    sizes: SourceSizes = Field(
        default=SourceSizes(),
        description="Sizes of the network the arrays come from, if they differ.",
    )
    given: ArrayNames | None = Field(
        default=None,
        description="The arrays that are used, if not all of their network: PyTorch's names, or "
        "`weight_ih_l0.forget` for one gate.",
    )
    redraw: Redraws = Field(
        default=(),
        description="Parts that are drawn by their schemes even though they were uploaded.",
    )

    @cached_property
    def names(self) -> frozenset[str] | None:
        """The names of the arrays that are used; None means all."""
        return None if self.given is None else frozenset(self.given)

    def layers(self, network: Network) -> int:
        """Return how many layers the arrays' network has."""
        return self.sizes.num_layers or network.num_layers

    def source(self, network: Network) -> Network:
        """Return the arrays' network."""
        return replace(network, **self.sizes.model_dump(exclude_none=True))

    def redrawn(self, network: Network) -> frozenset[tuple[str, Place]]:
        """Return the places that are drawn even though they were uploaded."""
        return frozenset(
            (part.parameter, place)
            for part in self.redraw
            for place in part.places(network.gates(part.parameter), network)
        )


def whole_names(arrays: Arrays, network: Network) -> Iterator[str]:
    """Yield the name of every tensor of the arrays' network, in `state_dict` order."""
    return network.names(arrays.layers(network))


def canonical_arrays(arrays: Arrays, network: Network) -> dict[str, Any]:
    """Return one form for all spellings: defaults and equal sizes are omitted, names are sorted."""
    plain: dict[str, Any] = {"sha256": arrays.sha256}
    differing = {
        name: size
        for name, size in arrays.sizes.model_dump(exclude_none=True).items()
        if size != getattr(network, name)
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


def refuse_unfit_arrays(arrays: Arrays, network: Network) -> None:
    """Reject arrays that have no place in the network."""
    _refuse_sizes(arrays, network)
    _refuse_names(arrays, network)
    for number, part in enumerate(arrays.redraw):
        for field, given, allowed in lacking(part, part.parameter, network):
            raise refusal(
                "matches_nothing",
                f"the network has no {field} {given!r}, so there is nothing to redraw",
                field=f"/arrays/redraw/{number}/{field}",
                given=given,
                allowed=allowed,
            )


def _refuse_sizes(arrays: Arrays, network: Network) -> None:
    for name, size in arrays.sizes.model_dump(exclude_none=True).items():
        limit = getattr(network, name)
        if size > limit or (size == 0) != (limit == 0):
            raise refusal(
                "not_grown",
                f"the arrays are of a network with {name} {size}, but this one has {limit}: "
                "a network can grow, but not shrink, and cannot gain or lose a projection",
                field=f"/arrays/sizes/{name}",
                given=size,
                allowed=f"at most {limit}",
            )


def _refuse_names(arrays: Arrays, network: Network) -> None:
    names = arrays.given or ()
    valid = {*_with_gates(whole_names(arrays, network), network)} if names else set()
    wholes, before = {*names}, set[str]()
    for number, name in enumerate(names):
        if name not in valid:
            raise refusal(
                "unknown_array",
                f"the arrays' network has no array named {name!r}",
                field=f"/arrays/given/{number}",
                given=name,
                allowed="PyTorch's name of a parameter, or of a gate: weight_ih_l0.forget",
            )
        whole, dot, _ = name.partition(".")
        if name in before or (dot and whole in wholes):
            raise refusal(
                "given_twice",
                f"{name} is already listed, alone or as part of the whole array",
                field=f"/arrays/given/{number}",
                given=name,
                allowed="each element once",
            )
        before.add(name)


def _with_gates(wholes: Iterable[str], network: Network) -> Iterator[str]:
    """Yield the name of every tensor, each followed by its gates."""
    for whole in wholes:
        yield whole
        kind = whole.partition("_l")[0]
        yield from (f"{whole}.{gate}" for gate in network.gates(kind))
