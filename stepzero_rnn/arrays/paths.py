"""Names that are paths, as in Keras, Flax and ONNX: the last parts identify the parameter, the
others its place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from stepzero_rnn.arrays.cudnn import as_named
from stepzero_rnn.arrays.layouts import LayoutRule
from stepzero_rnn.arrays.naming import NUMBER, Named, NamedArray, Placed, Reading, Where, unknown
from stepzero_rnn.arrays.readers.files import Found
from stepzero_rnn.arrays.records import ReadOptions, printable
from stepzero_rnn.spec.checkpoint import Spec

_DIRECTION = re.compile(r"(forward|backward|reverse|fw|bw)(?:_(.*))?")
_FORWARD = ("forward", "fw")
_LAYER = re.compile(r"(?:layers?_?|l_?)(\d{1,4})")
_ADVICE = "rename them to layer_0/…, layer_1/…"


def read_paths(
    calls: Sequence[NamedArray], rules: Mapping[str, LayoutRule], spec: Spec, options: ReadOptions
) -> Reading:
    """Interpret paths; those that differ only in numbers belong to one network."""
    reading = Reading()
    several_files = len({call.found.upload for call in calls}) > 1
    placed: list[Placed] = []
    for call in calls:
        match = _place(call, _steps(call, several_files=several_files), rules)
        if match is None:
            reading.strangers.append(call)
        else:
            placed.append(match)
    if reading.strangers and not any(map(_is_weight, placed)):
        reading.strangers += [one.call for one in placed]  # biases alone could belong to any layer
        return reading
    networks, others = _networks(placed)
    reading.networks = [[one.call for one in network] for network in networks]
    reading.strangers += [one.call for one in others]
    if len(networks) == 1:
        _read_network(networks[0], spec, reading, options)
    elif networks:
        named = _listed([network[0].where for network in networks])
        reading.doubt = (
            f"the layers are ambiguous: names differ in more than a number ({named}); {_ADVICE}"
        )
    return reading


def _steps(call: NamedArray, *, several_files: bool) -> list[str]:
    """Split a name at slashes and dots; a name without any is placed below its file's name."""
    steps = split(call.name)
    stem = call.found.file.rpartition(".")[0]
    if several_files and len(steps) == 1 and call.found.name != stem:
        return [*re.split("[/.]", stem), *steps]
    return steps


def split(name: str) -> list[str]:
    """Split a name at slashes and dots, without the suffixes of Keras and Flax."""
    return re.split("[/.]", name.removesuffix(":0").removesuffix("/value"))


def tails(steps: Sequence[str]) -> list[str]:
    """Return the last parts of a path that may identify a parameter, the longest first."""
    return ["/".join(steps[-n:]) for n in (3, 2, 1)]


def _place(
    call: NamedArray, steps: Sequence[str], rules: Mapping[str, LayoutRule]
) -> Placed | None:
    tail = next((tail for tail in tails(steps) if tail in rules), None)
    if tail is None:
        return None
    where: list[str] = []
    directions: set[bool] = set()
    for step in steps[: -1 - tail.count("/")]:
        if match := _DIRECTION.fullmatch(step):
            directions.add(match[1] not in _FORWARD)
        where += [match[2]] * bool(match[2]) if match else [step]
    return Placed(call, tail, rules[tail], tuple(where), frozenset(directions))


def _networks(placed: Sequence[Placed]) -> tuple[list[list[Placed]], list[Placed]]:
    """Separate arrays by network, and from those of other layers, such as a Dense.

    If some groups have a recurrent matrix, those without one are other layers.
    """
    if all(_layer(one.where) is not None for one in placed):
        return [[*placed]] if placed else [], []
    kin: dict[Where, list[Placed]] = {}
    for one in placed:
        kin.setdefault(one.kin, []).append(one)
    recurrent: list[list[Placed]] = []
    others: list[list[Placed]] = []
    for group in kin.values():
        (recurrent if any(map(_is_recurrent, group)) else others).append(group)
    return (recurrent, [one for group in others for one in group]) if recurrent else (others, [])


def _is_recurrent(placed: Placed) -> bool:
    return "weight_hh" in placed.rule.kinds


def _is_weight(placed: Placed) -> bool:
    return placed.rule.kinds[0].startswith("weight")


def _layer(where: Where) -> int | None:
    """Return the number in `layer_<k>`."""
    numbers = [int(match[1]) for step in where if (match := _LAYER.fullmatch(step))]
    return numbers[-1] if numbers else None


def _read_network(
    network: Sequence[Placed], spec: Spec, reading: Reading, options: ReadOptions
) -> None:
    for one in network:
        if detail := _direction_fault(one.directions, one.rule, spec):
            reading.faults.append(unknown(one.call.found, detail))
    network, mixed = as_named(network, spec, options)
    reading.faults += [mixed] if mixed else []
    if reading.faults:
        return
    first: dict[Where, Found] = {}
    for one in network:
        first.setdefault(one.where, one.call.found)
    layers = _layers([*first], spec.num_layers, grow=options.grow)
    if isinstance(layers, str):
        reading.faults += [unknown(found, layers) for found in first.values()]
        return
    for one in network:
        reverse = one.directions == {True}
        reading.named.append(Named(one.call.found, one.rule, layers[one.where], reverse))


def _direction_fault(directions: frozenset[bool], rule: LayoutRule, spec: Spec) -> str:
    if len(directions) > 1:
        return "its name contains both forward and backward"
    if not spec.bidirectional and True in directions:
        return "it belongs to the backward direction, but bidirectional is false"
    if spec.bidirectional and not directions and not rule.form.both_directions:
        return "the direction is missing: begin a part of its name with forward_ or backward_"
    return ""


def _layers(places: Sequence[Where], num_layers: int, *, grow: bool) -> dict[Where, int] | str:
    """Return the layer of each place, by its `layer_<k>` or else by the order of its numbers; or an
    error message.
    """
    explicit = {where: layer for where in places if (layer := _layer(where)) is not None}
    if len(explicit) == len(places):
        return explicit
    if len(places) > num_layers or (len(places) < num_layers and not grow):
        counted = f"the arrays have {len(places)} ({_listed(places)})"
        one = ", or set the prefix of one network" * (len(places) > num_layers)
        return f"num_layers is {num_layers}, but {counted}; {_ADVICE}{one}"
    return {where: layer for layer, where in enumerate(sorted(places, key=_numbers))}


def _listed(places: Sequence[Where]) -> str:
    return ", ".join(printable("/".join(where)) or "no name" for where in places[:4])


def _numbers(where: Where) -> list[int]:
    return [int(m[1]) if (m := NUMBER.search(step)) else 0 for step in where]
