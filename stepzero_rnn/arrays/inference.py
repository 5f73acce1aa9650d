"""Infers a network's kind and sizes from its arrays, for files that come without a spec."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Any, NamedTuple

from stepzero_rnn.arrays.array_shapes import implied_sizes, misfits
from stepzero_rnn.arrays.layouts import LAYOUTS
from stepzero_rnn.arrays.names import lacking, selected, understood
from stepzero_rnn.arrays.naming import Named, NamedArray
from stepzero_rnn.arrays.readers.files import Found
from stepzero_rnn.arrays.records import ReadOptions, printable
from stepzero_rnn.dtypes import DTypeName
from stepzero_rnn.errors import FieldError, InvalidArrays, InvalidSpec
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.networks import RNNS
from stepzero_rnn.spec.overrides import MAX_LAYERS
from stepzero_rnn.spec.parse import parse

_WIDEST_FIRST: tuple[DTypeName, ...] = ("float64", "float32", "bfloat16", "float16")
_MAX_NETWORKS = 8
_LISTED = 8


class _Guess(NamedTuple):
    """A network that arrays may be of; the fewer `doubts`, the better they fit."""

    doubts: int
    spec: Spec


def infer(arrays: Sequence[Found], options: ReadOptions) -> Spec:
    """Return the network that arrays are of, with PyTorch's init; its `dtype` is their widest.

    Of several networks in one file, it is the first: reading its names will ask for a prefix.  A
    plain RNN's nonlinearity is not recorded; it is assumed to be tanh.

    Raises:
        InvalidArrays: they do not tell the sizes.
    """
    calls = selected(arrays, options)
    guesses = sorted(_guesses(calls, options), key=lambda guess: guess.doubts)
    if not guesses:
        raise InvalidArrays([_unclear(arrays, options)])
    return guesses[0].spec


def _guesses(calls: Sequence[NamedArray], options: ReadOptions) -> Iterator[_Guess]:
    """Yield a network of each kind, with one direction or two, with a projection or without."""
    for rnn, bidirectional in product(RNNS.values(), (False, True)):
        if rnn.name not in LAYOUTS[options.layout]:
            continue
        for projected in (False, True)[: 1 + rnn.has_projection]:
            fields = {
                "rnn_type": rnn.name,
                "input_size": 1,
                "hidden_size": 2,
                "num_layers": MAX_LAYERS,
                "bidirectional": bidirectional,
                "proj_size": int(projected),
            }
            if guess := _guess(calls, options, fields):
                yield guess


def _guess(
    calls: Sequence[NamedArray], options: ReadOptions, fields: dict[str, Any]
) -> _Guess | None:
    """Return the network of a kind that arrays are of, with the sizes that they imply."""
    probe, options = Spec(**fields), replace(options, grow=True)
    for network in understood(calls, probe, options).networks[:_MAX_NETWORKS]:
        reading = understood(network, probe, options)
        if not any("weight_hh" in array.rule.kinds for array in reading.named):
            continue
        spec = _sized(reading.named, probe, fields)
        if spec is None:
            continue
        doubts = len([*lacking(reading.named, spec)]) + misfits(reading.named, spec)
        return _Guess(doubts + len(calls) - len(network), spec)
    return None


def _sized(named: Sequence[Named], probe: Spec, fields: dict[str, Any]) -> Spec | None:
    """Return the network with the sizes that most arrays imply; None if they imply none."""
    sizes = implied_sizes(named, probe)
    if not (sizes.input_size and sizes.hidden_size) or sizes.num_layers > MAX_LAYERS:
        return None
    if probe.proj_size and not any("weight_hr" in array.rule.kinds for array in named):
        return None
    implied = {
        "input_size": sizes.input_size,
        "hidden_size": sizes.hidden_size,
        "num_layers": sizes.num_layers,
        "proj_size": (sizes.proj_size or 0) if probe.proj_size else 0,
        "bias": any(kind.startswith("bias") for array in named for kind in array.rule.kinds),
        "dtype": _dtype(named),
    }
    try:
        return parse(Spec, fields | implied)
    except InvalidSpec:
        return None


def _dtype(named: Sequence[Named]) -> DTypeName:
    held = {array.found.values.dtype for array in named if not array.found.error_in_format}
    return next((dtype for dtype in _WIDEST_FIRST if dtype in held), "float32")


def _unclear(arrays: Sequence[Found], options: ReadOptions) -> FieldError:
    names = [printable(array.name) for array in arrays[:_LISTED]]
    detail = (
        "the network cannot be inferred: its sizes follow from the input and recurrent matrices "
        f"of layer 0, and no arrays are named and shaped like these in layout {options.layout}"
    )
    return FieldError("/files", "network_unclear", detail, names, [*LAYOUTS])
