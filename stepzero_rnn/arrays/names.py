"""Reads the names of arrays: which belong to the network, and to which layer and direction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from stepzero_rnn.arrays.habits import beside_dropped
from stepzero_rnn.arrays.layouts import LAYOUTS, why_unread
from stepzero_rnn.arrays.naming import Named, NamedArray, Reading, unknown
from stepzero_rnn.arrays.paths import read_paths
from stepzero_rnn.arrays.pytorch_names import read_pytorch
from stepzero_rnn.arrays.readers.files import Found
from stepzero_rnn.arrays.records import ReadOptions, printable
from stepzero_rnn.arrays.strangers import refuse_strangers, several
from stepzero_rnn.errors import FieldError
from stepzero_rnn.spec.checkpoint import Spec

MAX_NAME_CHARS = 512
_LISTED = 8


def read_names(arrays: Sequence[Found], spec: Spec, options: ReadOptions) -> Reading:
    """Interpret all names that begin with the prefix, or report those that cannot be."""
    if why := why_unread(options.layout, spec):
        layouts = [name for name in LAYOUTS if not why_unread(name, spec)]
        return Reading(
            faults=[FieldError("/layout", "layout_unlike", why, options.layout, layouts)]
        )
    chosen, left_out = _split_by_prefix(arrays, options.prefix)
    if arrays and not chosen:
        return Reading(faults=[_begins_none(arrays, options.prefix)])
    short = _shortened(chosen, options)
    understand = partial(understood, spec=spec, options=options)
    reading = understand(short)
    if len(reading.networks) > 1:
        reading.faults.append(several(reading, understand, spec, options))
    reading.faults[:0] = refuse_strangers(reading, understand, spec, options)
    reading.faults[:0] = beside_dropped(chosen, left_out)
    long = [array for array in chosen if len(array.name) > MAX_NAME_CHARS]
    reading.faults += [unknown(array, "its name is too long") for array in long]
    reading.prefix = options.prefix + reading.prefix
    return reading


def selected(arrays: Sequence[Found], options: ReadOptions) -> list[NamedArray]:
    """Return the arrays whose names begin with the prefix, without it."""
    return _shortened(_split_by_prefix(arrays, options.prefix)[0], options)


def understood(calls: Sequence[NamedArray], spec: Spec, options: ReadOptions) -> Reading:
    """Interpret names, in the layout of the options; none of them is rejected."""
    rules = LAYOUTS[options.layout][spec.rnn_type]
    if options.layout == "pytorch":
        return read_pytorch(calls, rules)
    return read_paths(calls, rules, spec, options)


def _shortened(chosen: Sequence[Found], options: ReadOptions) -> list[NamedArray]:
    return [
        NamedArray(array, array.name.removeprefix(options.prefix))
        for array in chosen
        if len(array.name) <= MAX_NAME_CHARS
    ]


def _split_by_prefix(arrays: Sequence[Found], prefix: str) -> tuple[list[Found], list[Found]]:
    """Separate the arrays that a prefix selects from the others; `lstm_1` does not select
    `lstm_10`.
    """
    chosen: list[Found] = []
    left_out: list[Found] = []
    for array in arrays:
        ends = len(prefix)
        is_other = prefix[-1:].isdecimal() and array.name[ends : ends + 1].isdecimal()
        begins = array.name.startswith(prefix) and not is_other
        (chosen if begins else left_out).append(array)
    return chosen, left_out


def _begins_none(arrays: Sequence[Found], prefix: str) -> FieldError:
    listed = [printable(array.name) for array in arrays[:_LISTED]]
    detail = (
        f"no array name begins with {printable(prefix)}; the first names are: {', '.join(listed)}"
    )
    return FieldError("/prefix", "matches_nothing", detail, prefix, listed)


def lacking(named: Iterable[Named], spec: Spec) -> Iterator[FieldError]:
    """Report arrays of layers, directions or parameters that the network does not have."""
    for array in named:
        detail = ""
        if array.layer >= spec.num_layers:
            detail = f"it belongs to layer {array.layer}, but num_layers is {spec.num_layers}"
        elif array.reverse and not spec.bidirectional:
            detail = "it belongs to the reverse direction, but bidirectional is false"
        elif array.rule.kinds[0] == "weight_hr" and not spec.proj_size:
            detail = "it is a projection, but proj_size is 0"
        elif array.rule.kinds[0].startswith("bias") and not spec.bias:
            detail = "it is a bias, but bias is false"
        if detail:
            yield unknown(array.found, detail)
