"""The parts of a network whose scheme is sought, and what is measured in them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from stepzero_rnn.identification.facts import (
    Facts,
    Moments,
    Structure,
    joined,
    moments,
    pooled,
)
from stepzero_rnn.identification.values import Floats
from stepzero_rnn.spec.networks import WHOLE, Cell, Kind, Rnn, Role

MAX_MEASURED = 16  # blocks of a group whose structure is measured to estimate parameters
Split = Literal["ih", "hh", "half", "each"]


@dataclass(frozen=True, eq=False)
class TensorFacts:
    """A tensor of the file: its blocks by the letter of their gate, and the stacked tensor, if it
    is complete and has several gates.
    """

    name: str
    kind: Kind
    cell: Cell
    gates: Mapping[str, Facts]
    stacked: Facts | None

    def forget(self) -> None:
        """Free the memory of all values."""
        for facts in (*self.gates.values(), *([self.stacked] if self.stacked else [])):
            facts.values.forget()


@dataclass(frozen=True, eq=False)
class Unit:
    """What one scheme fills in one cell: a weight, or both vectors of a bias."""

    parameter: str
    cell: Cell
    tensors: tuple[TensorFacts, ...]

    @property
    def letters(self) -> tuple[str, ...]:
        """The gates that the file has."""
        return tuple(dict.fromkeys(letter for t in self.tensors for letter in t.gates))

    def forget(self) -> None:
        """Free the memory of all values."""
        for tensor in self.tensors:
            tensor.forget()


@dataclass(frozen=True, eq=False)
class Group:
    """Units of one parameter that may have the same scheme: all, one, or one gate of one."""

    rnn: Rnn
    units: tuple[Unit, ...]
    letter: str | None = None

    @property
    def parameter(self) -> str:
        return self.units[0].parameter

    @property
    def places(self) -> list[tuple[Unit, str]]:
        """Its gates in all units."""
        return [(u, x) for u in self.units for x in u.letters if self.letter in (None, x)]

    @cached_property
    def blocks(self) -> list[Facts]:
        """The blocks of its gates."""
        return [
            tensor.gates[letter]
            for unit, letter in self.places
            for tensor in unit.tensors
            if letter in tensor.gates
        ]

    @cached_property
    def moments(self) -> Moments:
        found = []
        for block in self.blocks:
            found.append(block.moments)
            if len(self.units) > 1:
                block.values.forget()
        return pooled(found)

    @property
    def rounding(self) -> float:
        return self.blocks[0].values.rounding

    @cached_property
    def structure(self) -> Structure:
        """That of its first blocks together."""
        return joined([block.structure for block in self.blocks[:MAX_MEASURED]])

    @cached_property
    def stacked(self) -> Structure | None:
        """That of its first stacked tensor; None for one gate."""
        first = self.units[0].tensors[0].stacked
        return None if first is None or self.letter else first.structure

    def of_role(self, role: Role) -> Structure | None:
        """Return the structure of the first unit's gate with a role."""
        facts = self.units[0].tensors[0].gates.get(self.rnn.letter_of(role))
        return facts.structure if facts else None

    @cached_property
    def totals(self) -> Mapping[Role | None, Moments]:
        """The moments of the total biases of the gates, by role."""
        by_role: dict[Role | None, list[Floats]] = {}
        for unit, letter in self.places:
            by_role.setdefault(self._role(letter), []).append(total(unit, letter))
        return {role: pooled([moments(t) for t in each]) for role, each in by_role.items()}

    @cached_property
    def total(self) -> Moments:
        """The moments of all total biases."""
        return pooled([*self.totals.values()])

    @cached_property
    def split(self) -> Split:
        """How the totals are distributed over the two vectors."""
        pairs = [vectors(unit, letter) for unit, letter in self.places if self._is_free(letter)]
        if not any(hh.any() for _, hh in pairs):
            return "ih"
        if not any(ih.any() for ih, _ in pairs):
            return "hh"
        return "half" if all(np.array_equal(*pair) for pair in pairs) else "each"

    @cached_property
    def is_tied(self) -> bool:
        """Whether the input gate's totals are those of the forget gate, negated, in all units."""
        writes, keeps = self.rnn.letter_of("write"), self.rnn.letter_of("retention")
        if writes == WHOLE:
            return True
        pairs = [
            (total(unit, writes), total(unit, keeps))
            for unit in self.units
            if {writes, keeps} <= {*unit.letters}
        ]
        return all(np.array_equal(one, -other) for one, other in pairs)

    def _role(self, letter: str) -> Role | None:
        gate = self.rnn.by_letter.get(letter)
        return gate.role if gate else None

    def _is_free(self, letter: str) -> bool:
        """Whether the two biases of a gate have the same effect, so that a total can be split."""
        is_apart = self._role(letter) == "candidate" and self.rnn.letter_of("reset") != WHOLE
        return not is_apart or self.letter == letter


def vectors(unit: Unit, letter: str) -> tuple[Floats, Floats]:
    """Return both bias vectors of a gate; a missing one is 0."""
    by_kind = {tensor.kind: tensor.gates.get(letter) for tensor in unit.tensors}
    ih, hh = (by_kind.get(kind) for kind in ("bias_ih", "bias_hh"))
    first = _values(ih or hh)
    return (first if ih else np.zeros_like(first)), (_values(hh) if hh else np.zeros_like(first))


def total(unit: Unit, letter: str) -> Floats:
    """Return the total bias of a gate."""
    ih, hh = vectors(unit, letter)
    return ih + hh


def _values(facts: Facts | None) -> Floats:
    return np.empty(0) if facts is None else facts.values.sample


def groups_of(rnn: Rnn, units: Sequence[Unit]) -> list[Group]:
    """Return one group for each parameter, in the order of the units."""
    parameters = dict.fromkeys(unit.parameter for unit in units)
    return [Group(rnn, tuple(u for u in units if u.parameter == each)) for each in parameters]
