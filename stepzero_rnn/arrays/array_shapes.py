"""Compares arrays with the shapes of a network's parameters, and finds the cause of a mismatch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from stepzero_rnn.arrays.diagnose import Misfit, cause
from stepzero_rnn.arrays.forms import Shape
from stepzero_rnn.arrays.naming import Named
from stepzero_rnn.arrays.readers.files import Found
from stepzero_rnn.arrays.records import ReadOptions, Sizes, field_error
from stepzero_rnn.errors import FieldError
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.networks import Cell

_SIZE_NAMES = ("input_size", "hidden_size", "proj_size")


class SizeClaim(NamedTuple):
    """A size of the network that the shape of one array implies."""

    size: str
    value: int


@dataclass(frozen=True, slots=True)
class Fit:
    """The sizes of the network the arrays come from, and the arrays that do not fit."""

    sizes: Sizes
    faults: tuple[FieldError, ...]


def fit(named: Sequence[Named], spec: Spec, options: ReadOptions) -> Fit:
    """Compare the shapes of arrays with those of the network or, to grow, of their own network."""
    claims = {array.found: _claims(array, spec) for array in named}
    implied = _most_frequent([claim for of_one in claims.values() for claim in of_one])
    requested = {name: getattr(spec, name) for name in _SIZE_NAMES}
    of = requested | {name: value for name, value in implied.items() if options.grow}
    faults = []
    for array in named:
        needed = _needed(array, of, spec)
        if array.found.shape != needed:
            misfit = Misfit(
                rule=array.rule,
                layer=array.layer,
                given=array.found.shape,
                needed=needed,
                spec=spec,
                layout=options.layout,
                sizes=of,
                implied=implied,
                implied_here=dict(claims[array.found]),
            )
            faults.append(_misfit(array, needed, cause(misfit)))
    return Fit(_sizes(implied, named), (*faults, *_shrinking(named, claims, of, requested)))


def implied_sizes(named: Sequence[Named], spec: Spec) -> Sizes:
    """Return the sizes that most arrays imply, whatever those of the network are."""
    implied = _most_frequent([claim for array in named for claim in _claims(array, spec)])
    return _sizes(implied, named)


def misfits(named: Sequence[Named], spec: Spec) -> int:
    """Return how many arrays have another shape than the network's parameters."""
    of = {name: getattr(spec, name) for name in _SIZE_NAMES}
    return sum(array.found.shape != _needed(array, of, spec) for array in named)


def _sizes(implied: Mapping[str, int], named: Sequence[Named]) -> Sizes:
    layers = 1 + max((array.layer for array in named), default=0)
    return Sizes(
        implied.get("input_size"), implied.get("hidden_size"), implied.get("proj_size"), layers
    )


def _needed(array: Named, of: Mapping[str, int], spec: Spec) -> Shape:
    """Return the shape of an array of a network of other sizes."""
    rule = array.rule
    network = replace(
        spec.network,
        input_size=of["input_size"],
        hidden_size=of["hidden_size"],
        proj_size=of["proj_size"],
    )
    height, *cols = network.block_shape(rule.kinds[0], array.layer)
    return rule.form.shape((height * len(rule.gates), *cols), spec.directions)


def _claims(array: Named, spec: Spec) -> list[SizeClaim]:
    """Return the sizes that a shape implies; none if no network has it."""
    rule = array.rule
    kind, gates = rule.kinds[0], len(rule.gates)
    plain = rule.form.plain(array.found.shape, spec.directions)
    if plain is None or len(plain) != (1 if kind.startswith("bias") else 2) or 0 in plain:
        return []
    recurrent = "proj_size" if spec.proj_size else "hidden_size"
    if kind == "weight_hr":
        return [SizeClaim("proj_size", plain[0]), SizeClaim("hidden_size", plain[1])]
    if plain[0] % gates:
        return []
    claims = [SizeClaim("hidden_size", plain[0] // gates)]
    if kind == "weight_hh":
        claims.append(SizeClaim(recurrent, plain[1]))
    if kind == "weight_ih" and array.layer == 0:
        claims.append(SizeClaim("input_size", plain[1]))
    if kind == "weight_ih" and array.layer and plain[1] % spec.directions == 0:
        claims.append(SizeClaim(recurrent, plain[1] // spec.directions))
    return claims


def _most_frequent(claims: Sequence[SizeClaim]) -> dict[str, int]:
    """Return the value of each size that most arrays imply."""
    counted = Counter(claims)
    return {
        claim.size: claim.value
        for claim in sorted(counted, key=lambda claim: (counted[claim], claim.value))
    }


def _shrinking(
    named: Sequence[Named],
    claims: Mapping[Found, Sequence[SizeClaim]],
    of: Mapping[str, int],
    requested: Mapping[str, int],
) -> Iterator[FieldError]:
    """Reject sizes above the requested ones, each at the first array that implies it; and the lack
    of a projection.
    """
    for name in _SIZE_NAMES:
        if of[name] > requested[name]:
            array = next(a for a in named if SizeClaim(name, of[name]) in claims[a.found])
            detail = (
                f"its {name} is {of[name]}, above the requested {requested[name]}; "
                "a network can only grow"
            )
            yield _fault(array, "larger_than_network", detail, of[name], requested[name])
    if requested["proj_size"] and of["proj_size"] >= of["hidden_size"]:
        for array in named:
            if SizeClaim("proj_size", of["proj_size"]) in claims[array.found]:
                detail = (
                    "it comes from a network without projection, which cannot grow into one "
                    "with proj_size"
                )
                yield _fault(array, "shape_mismatch", detail, [*array.found.shape], None)
                return


def _misfit(array: Named, needed: Shape, guess: str) -> FieldError:
    given = array.found.shape
    *others, last = array.rule.kinds
    forward = Cell(array.layer, reverse=False)
    names = [forward.name(kind) for kind in others]
    named = " and ".join([*names, Cell(array.layer, array.reverse).name(last)])
    detail = f"{named} needs shape {_text(needed)}, but the array has {_text(given)}"
    detail += f": {guess}" if guess else ""
    return _fault(array, "shape_mismatch", detail, [*given], [*needed])


def _fault(array: Named, code: str, detail: str, given: object, allowed: object) -> FieldError:
    found = array.found
    return field_error(code, detail, file=found.file, name=found.name, given=given, allowed=allowed)


def _text(shape: Shape) -> str:
    return f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"
