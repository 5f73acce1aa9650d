"""Arrays that do not belong to the network: what they are, and how to select the others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches

from stepzero_rnn.arrays.array_shapes import fit
from stepzero_rnn.arrays.habits import habit, is_dropped
from stepzero_rnn.arrays.layouts import LAYOUTS
from stepzero_rnn.arrays.naming import NamedArray, Reading, unknown
from stepzero_rnn.arrays.paths import split, tails
from stepzero_rnn.arrays.pytorch_names import examples, parameter
from stepzero_rnn.arrays.records import ReadOptions, printable
from stepzero_rnn.errors import MAX_ERRORS, FieldError
from stepzero_rnn.spec.checkpoint import Spec

Understand = Callable[[Sequence[NamedArray]], Reading]

_LISTED = 8
_MAX_TRIED = 8
_NO_WHOLE = "; no single one has every layer and direction of the network"
_PARTS = (
    _NO_WHOLE
    + ": if they are parts of one network, rename all arrays by layer and direction, with a common "
    "prefix or none, such as weight_ih_l1 for the second layer's weight_ih_l0, or "
    "weight_ih_l0_reverse for the backward direction's"
)
_ONE_MATRIX = frozenset({"tf1", "haiku"})  # named and shaped like the matrix of a Dense
_RECURRENT = re.compile(r"rnn|lstm|cell", re.IGNORECASE)
_NO_EVIDENCE = frozenset({"bias"})  # other layers have it too


def several(
    reading: Reading, understand: Understand, spec: Spec, options: ReadOptions
) -> FieldError:
    """Return the error of several networks, with the prefixes that select a complete one."""
    wholes = _wholes(reading, understand, spec, options)
    prefixes = [
        options.prefix + prefix
        for number in wholes
        if (
            prefix := _prefix(
                reading.networks[number], _others(reading.networks, number), understand
            )
        )
    ]
    detail = reading.doubt
    if not wholes:
        detail += _PARTS if options.layout == "pytorch" else _NO_WHOLE
    elif len(prefixes) < len(wholes):
        detail += "; no prefix separates them: send the arrays of one network in a separate file"
        prefixes = []
    else:
        choices = " or ".join(f"prefix={printable(one)}" for one in prefixes)
        detail += f"; to select one network, set {choices}"
    return unknown(reading.networks[1][0].found, detail, prefixes or None)


def _wholes(
    reading: Reading, understand: Understand, spec: Spec, options: ReadOptions
) -> list[int]:
    """Return the indices of the networks that have every layer and direction; if any of them fit
    by shape, only those.
    """
    if any(is_dropped(call.name) for call in reading.strangers):
        return []  # the arrays that matter are not among them
    read = {n: understand(network) for n, network in enumerate(reading.networks[:_LISTED])}
    wholes = [n for n, one in read.items() if one.is_of_all(spec)]
    fitting = [n for n in wholes if not fit(read[n].named, spec, options).faults] or wholes
    if options.layout not in _ONE_MATRIX:
        return fitting
    return [n for n in fitting if any(map(_is_named_recurrent, reading.networks[n]))] or fitting


def _is_named_recurrent(call: NamedArray) -> bool:
    return _RECURRENT.search(call.found.name) is not None


def refuse_strangers(
    reading: Reading, understand: Understand, spec: Spec, options: ReadOptions
) -> Iterator[FieldError]:
    """Report the arrays that do not belong to the network: in one error if a prefix would leave
    them out, else one by one.
    """
    habits = {call.found: habit(call, spec) for call in reading.strangers}
    first_of_habit = {what: found for found, what in reversed(habits.items()) if what}
    yield from (unknown(found, what) for what, found in first_of_habit.items())
    strangers = [call for call in reading.strangers if not habits[call.found]]
    explained = [call for call in reading.strangers if habits[call.found]]
    if len(reading.networks) == 1:
        network = reading.networks[0]
        if prefix := _prefix(network, strangers, understand):
            if explained and not reading.is_of_all(spec):
                return  # they may be a part of the network
            if any(call.name.startswith(prefix) for call in explained):
                return  # they would be rejected again with the prefix
            apart = [call for call in strangers if not call.name.startswith(prefix)]
            strangers = [call for call in strangers if call.name.startswith(prefix)]
            yield _apart(apart, options.prefix + prefix)
    elif reading.networks:
        return  # the network has to be selected first
    valid = examples(spec)
    if options.layout != "pytorch":
        valid = [*LAYOUTS[options.layout][spec.rnn_type]]
    for call in strangers[:MAX_ERRORS]:
        yield _unlike(call, valid, spec, options, is_alone=not reading.networks)
    yield from (unknown(call.found, "unknown parameter") for call in strangers[MAX_ERRORS:])


def _prefix(
    network: Sequence[NamedArray], others: Sequence[NamedArray], understand: Understand
) -> str:
    """Return the shortest prefix of a network's names that excludes most others and changes nothing
    in how the names are read; empty if there is none.
    """
    common = _common([call.name for call in network])
    tried = {common[: match.end()] for match in re.finditer("[/.]", common)} | {common}
    left = {begin: sum(not c.name.startswith(begin) for c in others) for begin in tried}
    whole = understand(network)
    for begin in sorted(tried, key=lambda begin: (-left[begin], len(begin)))[:_MAX_TRIED]:
        if not begin or not left[begin]:
            return ""
        cut = understand(
            [NamedArray(call.found, call.name.removeprefix(begin)) for call in network]
        )
        if len(cut.networks) == 1 and not cut.strangers and cut.placed == whole.placed:
            return begin
    return ""


def _others(networks: Sequence[Sequence[NamedArray]], number: int) -> list[NamedArray]:
    """Return the arrays of all networks but one."""
    return [call for n, network in enumerate(networks) if n != number for call in network]


def _common(names: Sequence[str]) -> str:
    first, last = min(names), max(names)
    alike = next(
        (n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first)
    )
    return first[:alike]


def _apart(apart: Sequence[NamedArray], prefix: str) -> FieldError:
    names = [printable(call.found.name) for call in apart]
    listed = ", ".join(names[:_LISTED])
    more = f" and {len(names) - _LISTED} more" * (len(names) > _LISTED)
    detail = (
        f"only some arrays belong to the network, those that begin with `{printable(prefix)}`: "
        f"set prefix={printable(prefix)}; the others: {listed}{more}"
    )
    return FieldError("/prefix", "other_arrays", detail, names[:MAX_ERRORS], prefix)


def _unlike(
    call: NamedArray, valid: Sequence[str], spec: Spec, options: ReadOptions, *, is_alone: bool
) -> FieldError:
    """Return the error of an unknown name, with the closest valid ones; if no name was understood,
    also with a likely layout.
    """
    tail = call.name if options.layout == "pytorch" else "/".join(split(call.name)[-2:])
    if near := get_close_matches(tail[-40:], valid, n=3, cutoff=0.5):
        detail = f"unknown parameter; did you mean {' or '.join(near)}?"
    else:
        near = [*valid[:8]]
        detail = f"unknown parameter; valid names: {', '.join(near)}"
    return unknown(call.found, detail + _elsewhere(call.name, spec, options) * is_alone, near)


def _elsewhere(name: str, spec: Spec, options: ReadOptions) -> str:
    """Return a hint if another network type or another layout has an array of this name."""
    keys = {parameter(name)} - {""} or {*tails(split(name))} - _NO_EVIDENCE
    networks = [n for n, rules in LAYOUTS[options.layout].items() if keys & rules.keys()]
    layouts = [n for n, by_type in LAYOUTS.items() if keys & by_type.get(spec.rnn_type, {}).keys()]
    if networks and spec.rnn_type not in networks:
        return f"; is its rnn_type {' or '.join(networks)}?"
    if layouts and options.layout not in layouts:
        *others, last = layouts
        return f"; is its layout {', '.join(others)}{' or ' * bool(others)}{last}?"
    return ""
