"""The result of reading the names of arrays: the arrays understood, the others, and the errors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import NamedTuple

from stepzero_rnn.arrays.layouts import LayoutRule
from stepzero_rnn.arrays.readers.files import Found
from stepzero_rnn.arrays.records import field_error, printable
from stepzero_rnn.errors import FieldError
from stepzero_rnn.spec.checkpoint import Spec

Where = tuple[str, ...]

NUMBER = re.compile(r"_?(\d{1,9})$")
_MATRICES = frozenset({"weight_ih", "weight_hh"})


class NamedArray(NamedTuple):
    """An array, and its name without the prefix."""

    found: Found
    name: str


class Placed(NamedTuple):
    """An array, its parameter (from the last parts of its path) and its place (from the others)."""

    call: NamedArray
    tail: str
    rule: LayoutRule
    where: Where
    directions: frozenset[bool]

    @property
    def kin(self) -> Where:
        """The common part of the places of one network's layers: all but the numbers."""
        return tuple(NUMBER.sub("", step) for step in self.where)


@dataclass(frozen=True, slots=True)
class Named:
    """An array whose name is understood; if it holds both directions, `reverse` is unused."""

    found: Found
    rule: LayoutRule
    layer: int
    reverse: bool = False


@dataclass(slots=True)
class Reading:
    """What the names mean.

    `networks` lists the arrays of each network.  If there is one, as there should be, `named` holds
    its arrays and `prefix` their common prefix; if there are several, `doubt` says what separates
    them.  `strangers` are arrays of no network.
    """

    networks: list[list[NamedArray]] = field(default_factory=list)
    named: list[Named] = field(default_factory=list)
    prefix: str = ""
    doubt: str = ""
    strangers: list[NamedArray] = field(default_factory=list)
    faults: list[FieldError] = field(default_factory=list)

    def is_of_all(self, spec: Spec) -> bool:
        """Whether both matrices of every layer and direction of the network are present, and no
        others.
        """
        directions = spec.network.reverse_flags
        there = {
            (kind, array.layer, reverse)
            for array in self.named
            for kind in {*array.rule.kinds} & _MATRICES
            for reverse in (directions if array.rule.form.both_directions else (array.reverse,))
        }
        return there == {*product(_MATRICES, range(spec.num_layers), directions)}

    @property
    def placed(self) -> list[tuple[LayoutRule, int, bool]]:
        """The arrays by rule, layer and direction, without their names."""
        return [(array.rule, array.layer, array.reverse) for array in self.named]


def unknown(found: Found, detail: str, allowed: Sequence[str] | None = None) -> FieldError:
    """Return the error of an array with an invalid name."""
    return field_error(
        "unknown_array",
        detail,
        file=found.file,
        name=found.name,
        given=printable(found.name),
        allowed=allowed,
    )


def unfit(named: Sequence[Named]) -> Iterator[FieldError]:
    """Report the arrays of the network that do not hold floats."""
    for array in named:
        if error_in_format := array.found.error_in_format:
            file, name = array.found.file, array.found.name
            yield field_error(
                error_in_format.code,
                error_in_format.detail,
                file=file,
                name=name,
                **error_in_format.facts,
            )
