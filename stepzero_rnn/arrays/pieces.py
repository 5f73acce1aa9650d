"""Maps arrays in any layout to the gates of PyTorch's parameters, each at most once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stepzero_rnn.arrays.layouts import LayoutRule
from stepzero_rnn.arrays.naming import Named
from stepzero_rnn.arrays.readers.files import Found
from stepzero_rnn.arrays.readers.values import Strided
from stepzero_rnn.arrays.records import ArrayEntry, field_error, printable
from stepzero_rnn.errors import FieldError
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.networks import Cell


@dataclass(frozen=True, slots=True)
class Piece:
    """The values of one gate, with PyTorch's `shape`, taken from an array; or a `constant`."""

    found: Found
    lying: Strided
    shape: tuple[int, ...]
    constant: float | None = None


@dataclass(frozen=True, slots=True)
class Filled:
    """An entry of the canonical file, and the pieces that are stacked to form it."""

    entry: ArrayEntry
    pieces: tuple[Piece, ...]


@dataclass(slots=True)
class Gathered:
    """The pieces of each parameter by gate, and the errors of arrays that repeat others."""

    by_tensor: dict[str, dict[str, Piece]]
    faults: list[FieldError]


def gather(named: Sequence[Named], spec: Spec) -> Gathered:
    """Group the gates of all arrays by parameter."""
    gathered = Gathered({}, [])
    constants: list[tuple[str, str, Piece]] = []
    for array in named:
        for tensor, gate, piece in _pieces(array, spec):
            if piece.constant is not None:
                constants.append((tensor, gate, piece))
                continue
            other = gathered.by_tensor.setdefault(tensor, {}).setdefault(gate, piece)
            if other is not piece:
                gathered.faults.append(_twice(piece.found, other.found, tensor))
                break
    for tensor, gate, piece in constants:
        gathered.by_tensor.setdefault(tensor, {}).setdefault(gate, piece)
    return gathered


def _twice(found: Found, other: Found, tensor: str) -> FieldError:
    detail = (
        f"{tensor}, or one of its gates, is given twice: also by {printable(other.name)} in "
        f"{printable(other.file)}"
    )
    return field_error("given_twice", detail, file=found.file, name=found.name)


def _pieces(array: Named, spec: Spec) -> Iterator[tuple[str, str, Piece]]:
    rule, found = array.rule, array.found
    both = rule.form.both_directions
    for reverse in spec.network.reverse_flags if both else (array.reverse,):
        for nth, kind in enumerate(rule.kinds):
            picked = rule.form.pick(found.elements, int(reverse), nth)
            for place, gate in enumerate(rule.gates):
                lying, shape = _gate(rule, picked, place)
                yield Cell(array.layer, reverse).name(kind), gate, Piece(found, lying, shape)
                if rule.zero and gate not in rule.apart:
                    other = Cell(array.layer, reverse).name(rule.zero)
                    constant = float(gate in rule.ones)
                    yield other, gate, Piece(found, lying, shape, constant)


def _gate(rule: LayoutRule, picked: Strided, place: int) -> tuple[Strided, tuple[int, ...]]:
    """Return the elements of a gate, and its shape in PyTorch."""
    if rule.form.by_columns:
        hidden = picked.shape[1] // len(rule.gates)
        lying = picked.cols(place * hidden, (place + 1) * hidden)
        return lying, lying.shape[::-1]
    hidden = picked.shape[0] // len(rule.gates)
    lying = picked.rows(place * hidden, (place + 1) * hidden)
    return lying, lying.shape


def fill(gathered: Gathered, spec: Spec) -> list[Filled]:
    """Return the entries: a whole parameter if all its gates are given with one dtype, else one
    for each gate.
    """
    filled: list[Filled] = []
    for tensor, by_gate in gathered.by_tensor.items():
        order = spec.network.letters(tensor)
        pieces = tuple(by_gate[gate] for gate in order if gate in by_gate)
        if len(pieces) == len(order) and len({p.found.values.dtype for p in pieces}) == 1:
            filled.append(_filled(tensor, pieces))
            continue
        named = spec.network.rnn.by_letter
        filled += [_filled(f"{tensor}.{named[gate].name}", (by_gate[gate],)) for gate in by_gate]
    return filled


def _filled(name: str, pieces: tuple[Piece, ...]) -> Filled:
    rows = sum(piece.shape[0] for piece in pieces)
    shape = (rows, *pieces[0].shape[1:])
    return Filled(ArrayEntry(name, pieces[0].found.values.dtype, shape), pieces)


def missing(gathered: Gathered, spec: Spec, num_layers: int) -> list[str]:
    """Return the parameters of the first layers that are missing or incomplete."""
    network = spec.network
    return [
        name
        for name in network.names(num_layers)
        if len(gathered.by_tensor.get(name, ())) < len(network.letters(name))
    ]
