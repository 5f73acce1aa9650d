"""Arrays that are not the network's: what they are, which are, and what to send."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches

from stepzero_rnn.arrays.array_shapes import fit
from stepzero_rnn.arrays.habits import habit, is_dropped
from stepzero_rnn.arrays.layouts import LAYOUTS
from stepzero_rnn.arrays.naming import Call, Reading, unknown
from stepzero_rnn.arrays.paths import split
from stepzero_rnn.arrays.pytorch_names import examples, parameter
from stepzero_rnn.arrays.records import Options, printable
from stepzero_rnn.errors import MAX_ERRORS, FieldError
from stepzero_rnn.spec.checkpoint import Spec

Understand = Callable[[Sequence[Call]], Reading]

_LISTED = 8
_MAX_TRIED = 8
_NO_WHOLE = "; none of these alone has every layer and direction of the network"
_PARTS = (
    _NO_WHOLE
    + ": if they are its parts, rename all arrays by their places, with one beginning or none, such as weight_ih_l1 for "
    "the second layer's weight_ih_l0, or weight_ih_l0_reverse for the backward direction's"
)
_ONE_MATRIX = frozenset({"tf1", "haiku"})  # theirs are named and shaped as a Dense's is
_RECURRENT = re.compile(r"rnn|lstm|cell", re.IGNORECASE)
_NO_EVIDENCE = frozenset({"bias"})  # other layers have it too


def several(reading: Reading, understand: Understand, spec: Spec, options: Options) -> FieldError:
    """Say that there are several networks, and how to send one that is the whole of what is asked
    for.
    """
    wholes = _wholes(reading, understand, spec, options)
    known = [
        options.prefix + found
        for number in wholes
        if (
            found := _prefix(
                reading.networks[number], _others(reading.networks, number), understand
            )
        )
    ]
    detail = reading.doubt
    if not wholes:
        detail += _PARTS if options.layout == "pytorch" else _NO_WHOLE
    elif len(known) < len(wholes):
        detail += (
            "; no prefix tells all of them apart: send one network's arrays in a file of their own"
        )
        known = []
    else:
        prefixes = " or ".join(f"prefix={printable(one)}" for one in known)
        detail += f"; to send the arrays of one network: {prefixes}"
    return unknown(reading.networks[1][0].found, detail, known or None)


def _wholes(reading: Reading, understand: Understand, spec: Spec, options: Options) -> list[int]:
    """Return the numbers of the networks that have every layer and direction: those whose shapes
    fit, if any do.
    """
    if any(is_dropped(call.name) for call in reading.strangers):
        return []  # the arrays that matter are not among them
    read = {n: understand(network) for n, network in enumerate(reading.networks[:_LISTED])}
    wholes = [n for n, one in read.items() if one.is_of_all(spec)]
    fitting = [n for n in wholes if not fit(read[n].named, spec, options).faults] or wholes
    if options.layout not in _ONE_MATRIX:
        return fitting
    return [n for n in fitting if any(map(_is_named_recurrent, reading.networks[n]))] or fitting


def _is_named_recurrent(call: Call) -> bool:
    return _RECURRENT.search(call.found.name) is not None


def refuse_strangers(
    reading: Reading, understand: Understand, spec: Spec, options: Options
) -> Iterator[FieldError]:
    """Refuse the arrays that are not the network's: those that a prefix would leave out at once,
    others one by one.
    """
    habits = {call.found: habit(call, spec) for call in reading.strangers}
    known_habits = {what: found for found, what in reversed(habits.items()) if what}
    yield from (unknown(found, what) for what, found in known_habits.items())
    strangers = [call for call in reading.strangers if not habits[call.found]]
    known_ones = [call for call in reading.strangers if habits[call.found]]
    if len(reading.networks) == 1:
        own = reading.networks[0]
        if found := _prefix(own, strangers, understand):
            if known_ones and not reading.is_of_all(spec):
                return  # a part of the network may be among them
            if any(call.name.startswith(found) for call in known_ones):
                return  # with the prefix they would be refused again
            apart = [call for call in strangers if not call.name.startswith(found)]
            strangers = [call for call in strangers if call.name.startswith(found)]
            yield _apart(apart, options.prefix + found)
    elif reading.networks:
        return  # which is meant has to be known first
    known = examples(spec)
    if options.layout != "pytorch":
        known = [*LAYOUTS[options.layout][spec.rnn_type]]
    for call in strangers[:MAX_ERRORS]:
        yield _unlike(call, known, spec, options, is_alone=not reading.networks)
    yield from (unknown(call.found, "no parameter is called so") for call in strangers[MAX_ERRORS:])


def _prefix(own: Sequence[Call], others: Sequence[Call], understand: Understand) -> str:
    """Return the shortest beginning of a network's names that leaves most others out, and loses
    nothing of what they say.
    """
    common = _common([call.name for call in own])
    tried = {common[: match.end()] for match in re.finditer("[/.]", common)} | {common}
    left = {begin: sum(not c.name.startswith(begin) for c in others) for begin in tried}
    whole = understand(own)
    for begin in sorted(tried, key=lambda begin: (-left[begin], len(begin)))[:_MAX_TRIED]:
        if not begin or not left[begin]:
            return ""
        cut = understand([Call(call.found, call.name.removeprefix(begin)) for call in own])
        if len(cut.networks) == 1 and not cut.strangers and cut.placed == whole.placed:
            return begin
    return ""


def _others(networks: Sequence[Sequence[Call]], number: int) -> list[Call]:
    """Return the arrays of all networks but one."""
    return [call for n, network in enumerate(networks) if n != number for call in network]


def _common(names: Sequence[str]) -> str:
    first, last = min(names), max(names)
    alike = next(
        (n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first)
    )
    return first[:alike]


def _apart(apart: Sequence[Call], prefix: str) -> FieldError:
    names = [printable(call.found.name) for call in apart]
    listed = ", ".join(names[:_LISTED])
    more = f" and {len(names) - _LISTED} more" * (len(names) > _LISTED)
    detail = (
        f"only some arrays are the network's: these begin with `{printable(prefix)}`: send prefix={printable(prefix)}; "
        f"not the network's: {listed}{more}"
    )
    return FieldError("/prefix", "other_arrays", detail, names[:MAX_ERRORS], prefix)


def _unlike(
    call: Call, known: Sequence[str], spec: Spec, options: Options, *, is_alone: bool
) -> FieldError:
    """Refuse a name that is like none, and list the nearest; where none is understood, say what
    layout it is of.
    """
    tail = call.name if options.layout == "pytorch" else "/".join(split(call.name)[-2:])
    near = get_close_matches(tail[-40:], known, n=3, cutoff=0.5) or [*known[:8]]
    detail = f"no parameter is called so; there is {', '.join(near)}"
    return unknown(call.found, detail + _elsewhere(call.name, spec, options) * is_alone, near)


def _elsewhere(name: str, spec: Spec, options: Options) -> str:
    """Say where else there is an array of a name: in another network's layout, or another layout of
    the network.
    """
    steps = split(name)
    keys = {parameter(name)} - {""} or {"/".join(steps[-2:]), steps[-1]} - _NO_EVIDENCE
    networks = [n for n, rules in LAYOUTS[options.layout].items() if keys & rules.keys()]
    layouts = [n for n, by_type in LAYOUTS.items() if keys & by_type.get(spec.rnn_type, {}).keys()]
    if networks and spec.rnn_type not in networks:
        return f"; is it of rnn_type {' or '.join(networks)}?"
    if layouts and options.layout not in layouts:
        *others, last = layouts
        return f"; is its layout {', '.join(others)}{' or ' * bool(others)}{last}?"
    return ""
