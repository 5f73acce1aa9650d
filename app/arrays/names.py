"""What the arrays of a file are called, and which layer and direction that means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from app.arrays.files import Found
from app.arrays.layouts import LAYOUTS, Rule
from app.arrays.records import Options, fault, shown
from app.errors import MOST_ERRORS, FieldError
from app.spec.arrays import LayoutName
from app.spec.checkpoint import RnnType, Spec

MOST_NAME_CHARS = 512

_PYTORCH = re.compile(
    r"(?:^|(?<=[./]))(?P<kind>(?:weight_(?:ih|hh|hr)|bias_(?:ih|hh)))_l(?P<layer>0|[1-9]\d{0,3})(?P<reverse>_reverse)?"
    r"(?:[./](?P<gate>[a-z]+))?$"
)
_DIRECTION = re.compile(r"(forward|backward|reverse)(?:_(.*))?")
_LAYER = re.compile(r"(?:layers?_?|l_?)(\d{1,4})")
_NUMBER = re.compile(r"_?(\d{1,9})$")


@dataclass(frozen=True, slots=True)
class Named:
    """An array whose name is understood; where it holds both directions, `reverse` says nothing."""

    found: Found
    rule: Rule
    layer: int
    reverse: bool = False


@dataclass(slots=True)
class Reading:
    """What names say: the arrays understood, what all began with, and what is wrong."""

    layout: LayoutName
    rnn_type: RnnType
    named: list[Named] = field(default_factory=list)
    prefix: str = ""
    faults: list[FieldError] = field(default_factory=list)

    def refuse_unlike(self, array: Found, name: str, known: Sequence[str]) -> None:
        """Refuse a name that is like none, and list the nearest; not for more than are listed."""
        if len(self.faults) >= MOST_ERRORS:
            self.faults.append(_unknown(array, "no parameter is called so"))
            return
        near = get_close_matches(name[-40:], known, n=3, cutoff=0.5) or [*known[:8]]
        detail = f"no parameter is called so; there is {', '.join(near)}"
        detail += _elsewhere(array.name, self.layout, self.rnn_type)
        self.faults.append(_unknown(array, detail, near))


def read_names(arrays: Sequence[Found], spec: Spec, options: Options) -> Reading:
    """Understand all names, or say which cannot be understood."""
    reading = Reading(options.layout, spec.rnn_type)
    short = [array for array in arrays if len(array.name) <= MOST_NAME_CHARS]
    long = [array for array in arrays if len(array.name) > MOST_NAME_CHARS]
    reading.faults += [_unknown(array, "its name is too long") for array in long]
    rules = LAYOUTS[options.layout][spec.rnn_type]
    if options.layout == "pytorch":
        _read_pytorch(short, rules, spec, reading)
    else:
        _read_paths(short, rules, spec, reading, grow=options.grow)
    return reading


def _read_pytorch(
    arrays: Iterable[Found], rules: Mapping[str, Rule], spec: Spec, reading: Reading
) -> None:
    prefixes: dict[str, Found] = {}
    for array in arrays:
        match = _PYTORCH.search(array.name)
        key = _key(match) if match else ""
        if match is None or key not in rules:
            reading.refuse_unlike(array, array.name, _names(spec))
        else:
            prefixes.setdefault(array.name[: match.start()], array)
            reverse = match["reverse"] is not None
            reading.named.append(Named(array, rules[key], int(match["layer"]), reverse))
    if len(prefixes) > 1:
        others = [shown(prefix) for prefix in prefixes]
        detail = (
            f"names begin in {len(prefixes)} ways: {others[:8]}; send the arrays of one network"
        )
        reading.faults += [_unknown(array, detail) for array in [*prefixes.values()][1:]]
    reading.prefix = next(iter(prefixes), "")


def _key(match: re.Match[str]) -> str:
    """Give what a name of PyTorch's says but for where: the parameter, and perhaps its gate."""
    return ".".join(filter(None, match.group("kind", "gate")))


def _elsewhere(name: str, layout: LayoutName, rnn_type: RnnType) -> str:
    """Say where else there is an array of a name: in another network's layout, or another layout of the network."""
    match, steps = _PYTORCH.search(name), re.split("[/.]", name)
    keys = {_key(match)} if match else {"/".join(steps[-2:]), steps[-1]}
    networks = [n for n, rules in LAYOUTS[layout].items() if keys & rules.keys()]
    layouts = [n for n, by_type in LAYOUTS.items() if keys & by_type[rnn_type].keys()]
    if networks and rnn_type not in networks:
        return f"; is it of rnn_type {' or '.join(networks)}?"
    if layouts and layout not in layouts:
        return f"; is its layout {' or '.join(layouts)}?"
    return ""


def _names(spec: Spec) -> list[str]:
    """Give PyTorch's names of the first and the last layer, which stand for all."""
    kinds = ["weight_ih", "weight_hh"]
    kinds += ["bias_ih", "bias_hh"] * spec.bias + ["weight_hr"] * bool(spec.proj_size)
    layers = sorted({0, spec.num_layers - 1})
    suffixes = ("", "_reverse")[: spec.directions]
    return [f"{kind}_l{layer}{suffix}" for layer in layers for kind in kinds for suffix in suffixes]


def _read_paths(
    arrays: Sequence[Found],
    rules: Mapping[str, Rule],
    spec: Spec,
    reading: Reading,
    *,
    grow: bool,
) -> None:
    several_files = len({array.upload for array in arrays}) > 1
    groups: dict[tuple[str, ...], list[tuple[Found, Rule, bool]]] = {}
    for array in arrays:
        steps = _steps(array, several_files=several_files)
        tail = next((t for n in (2, 1) if (t := "/".join(steps[-n:])) in rules), None)
        if tail is None:
            reading.refuse_unlike(array, "/".join(steps[-2:]), [*rules])
            continue
        where, directions = _direction(steps[: -1 - tail.count("/")])
        if detail := _direction_fault(directions, rules[tail], spec):
            reading.faults.append(_unknown(array, detail))
            continue
        groups.setdefault(where, []).append((array, rules[tail], directions == {True}))
    layers = _layers([*groups], spec.num_layers, grow=grow)
    if isinstance(layers, str):
        reading.faults += [_unknown(members[0][0], layers) for members in groups.values()]
        return
    for where, members in groups.items():
        reading.named += [Named(found, rule, layers[where], rev) for found, rule, rev in members]


def _steps(array: Found, *, several_files: bool) -> list[str]:
    """Cut a name at its slashes and dots; one without any stands below its file's name."""
    steps = re.split("[/.]", array.name.removesuffix(":0").removesuffix("/value"))
    stem = array.file.rpartition(".")[0]
    if several_files and len(steps) == 1 and array.name != stem:
        return [*re.split("[/.]", stem), *steps]
    return steps


def _direction(steps: Sequence[str]) -> tuple[tuple[str, ...], set[bool]]:
    """Take the words for a direction out of a path."""
    where: list[str] = []
    directions: set[bool] = set()
    for step in steps:
        if match := _DIRECTION.fullmatch(step):
            directions.add(match[1] != "forward")
        where += [match[2]] * bool(match[2]) if match else [step]
    return tuple(where), directions


def _direction_fault(directions: set[bool], rule: Rule, spec: Spec) -> str:
    if len(directions) > 1:
        return "its name says both forward and backward"
    if not spec.bidirectional and True in directions:
        return "it is of the backward direction, but bidirectional is false"
    if spec.bidirectional and not directions and not rule.form.both_directions:
        return "which direction? begin a part of its name with forward_ or backward_"
    return ""


def _layers(
    groups: Sequence[tuple[str, ...]], num_layers: int, *, grow: bool
) -> dict[tuple[str, ...], int] | str:
    """Give each group's layer, by `layer_<k>` in its name or else by the order of the numbers there; or a reason."""
    said = {
        group: [int(m[1]) for step in group if (m := _LAYER.fullmatch(step))] for group in groups
    }
    if groups and all(said.values()):
        return {group: numbers[-1] for group, numbers in said.items()}
    named = ", ".join(shown("/".join(group)) or "no name" for group in groups[:4])
    advice = "name them layer_0/…, layer_1/…"
    if len({tuple(_NUMBER.sub("", step) for step in group) for group in groups}) > 1:
        return f"which layer? The names differ in more than a number ({named}); {advice}"
    if len(groups) > num_layers or (0 < len(groups) < num_layers and not grow):
        return (
            f"num_layers is {num_layers}, but the arrays are of {len(groups)} ({named}); {advice}"
        )
    return {group: layer for layer, group in enumerate(sorted(groups, key=_numbers))}


def _numbers(group: tuple[str, ...]) -> list[int]:
    return [int(m[1]) if (m := _NUMBER.search(step)) else 0 for step in group]


def _unknown(array: Found, detail: str, allowed: Sequence[str] | None = None) -> FieldError:
    return fault(
        "unknown_array",
        detail,
        file=array.file,
        name=array.name,
        given=shown(array.name),
        allowed=allowed,
    )


def lacking(named: Iterable[Named], spec: Spec) -> Iterator[FieldError]:
    """Say which arrays are of what the network lacks."""
    for array in named:
        detail = ""
        if array.layer >= spec.num_layers:
            detail = f"it is of layer {array.layer}, but num_layers is {spec.num_layers}"
        elif array.reverse and not spec.bidirectional:
            detail = "it is of the reverse direction, but bidirectional is false"
        elif array.rule.kinds[0] == "weight_hr" and not spec.proj_size:
            detail = "it is a projection, but proj_size is 0"
        elif array.rule.kinds[0].startswith("bias") and not spec.bias:
            detail = "it is a bias, but bias is false"
        if detail:
            yield _unknown(array.found, detail)
