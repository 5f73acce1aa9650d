"""The search for the schemes that fit: of each parameter as a whole, else of each tensor, else of
each gate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from stepzero_rnn.identification.candidates import DIGIT, BlockLaw, Candidate, Catalogue
from stepzero_rnn.identification.elementwise import REFERENCES, columns_p
from stepzero_rnn.identification.evidence import Group, TensorFacts, Unit
from stepzero_rnn.identification.facts import Facts
from stepzero_rnn.identification.laws import TESTS
from stepzero_rnn.identification.outcome import Outcome, Rank
from stepzero_rnn.spec.networks import WHOLE

ERROR_RATE = 1e-3  # the probability that a file's own init is rejected somewhere
FAR = 12.0  # e⁻¹²: the least likelihood, beside the best, of a scheme that is not distinguished
Found = Mapping[tuple[Unit, str], Mapping[Candidate, Outcome]]
MAX_SPLITS = 64  # groups that are tried once a parameter as a whole fits nothing


@dataclass(frozen=True, eq=False)
class Explained:
    """A group, and the candidates that fit all of it with their scores, the best first; `outcomes`
    has what was found at each of its places.
    """

    group: Group
    fitting: Mapping[Candidate, float]
    outcomes: Found

    @property
    def best(self) -> Candidate | None:
        """The likeliest candidate; None if none fits."""
        return next(iter(self.fitting), None)

    def at(self, candidate: Candidate, unit: Unit, letter: str) -> BlockLaw:
        """Return the law and the scheme that a candidate has at one of the group's places."""
        laws = candidate.laws_of(unit.tensors[0].kind, unit.cell.layer)
        return laws[letter] if letter in laws else laws[WHOLE]


@dataclass
class Search:
    """Finds what fits each group of a network with `blocks` blocks.

    `go_on` is called between blocks; an exception it raises ends the search.
    """

    blocks: int
    go_on: Callable[[], object]
    splits: int = field(default=MAX_SPLITS)

    def explain(
        self, group: Group, catalogue: Catalogue, presets: Sequence[Candidate]
    ) -> Iterator[Explained]:
        """Yield the group, or parts of it, with what fits them."""
        candidates = [c for c in presets if _concerns(c, group)] + [*catalogue.schemes(group)]
        found = self._tested(group, candidates)
        whole = self._explained(group, found)
        if whole.fitting or len(group.units) == 1:
            yield from [whole] if whole.fitting else self._by_gate(group, found, catalogue)
            return
        for unit in group.units:
            part = Group(group.rnn, (unit,))
            known = {place: fits for place, fits in found.items() if place[0] is unit}
            explained = self._explained(part, known)
            if not explained.fitting and self._may_split():
                known = _joined(known, self._tested(part, [*catalogue.schemes(part)]))
                explained = self._explained(part, known)
            yield from ([explained] if explained.fitting else self._by_gate(part, known, catalogue))

    def _by_gate(
        self,
        group: Group,
        found: Found,
        catalogue: Catalogue,
    ) -> Iterator[Explained]:
        """Yield the gates of one tensor, each with what fits it alone."""
        (unit,) = group.units
        for letter in unit.letters:
            part = Group(group.rnn, (unit,), letter)
            known = _sure({(unit, letter): found.get((unit, letter), {})})
            if len(unit.letters) > 1 and not known[unit, letter] and self._may_split():
                known = _sure(self._tested(part, [*catalogue.schemes(part)]))
            yield self._explained(part, known)

    def _may_split(self) -> bool:
        self.splits -= 1
        return self.splits >= 0

    def _tested(
        self, group: Group, candidates: Iterable[Candidate]
    ) -> dict[tuple[Unit, str], dict[Candidate, Outcome]]:
        """Return what fits each place; a block is in memory only while it is tested."""
        listed = [c for c in candidates if _is_possible(c, group)]
        found: dict[tuple[Unit, str], dict[Candidate, Outcome]] = {p: {} for p in group.places}
        for unit in group.units:
            outcomes = _Outcomes(self.go_on)
            letters = [letter for u, letter in found if u is unit]
            for candidate in listed:
                for letter, outcome in outcomes.of(candidate, unit, letters):
                    if min(1.0, outcome.p_value * self.blocks) >= ERROR_RATE:
                        found[unit, letter][candidate] = outcome
            unit.forget()
        return found

    def _explained(self, group: Group, found: Found) -> Explained:
        """Return the candidates that fit every place, and are not much less likely than the
        best.
        """
        places = [found.get(place, {}) for place in group.places]
        common = [c for c in places[0] if all(c in fits for fits in places)] if places else []
        scores = {c: _score(c, [fits[c] for fits in places]) for c in common}
        if not scores:
            return Explained(group, {}, found)
        rank, likelihood = max(scores.values())
        kept = [c for c, (r, score) in scores.items() if r == rank and score > likelihood - FAR]
        kept.sort(key=lambda c: -scores[c][1])
        known = Explained(group, {c: scores[c][1] for c in kept}, found)
        return replace(known, fitting=dict(_without_neighbors(known)))


@dataclass
class _Outcomes:
    """Tests each law once for each block of one unit."""

    go_on: Callable[[], object]
    known: dict[tuple[int, Any], Outcome | None] = field(default_factory=dict)

    def of(
        self, candidate: Candidate, unit: Unit, letters: Sequence[str]
    ) -> Iterator[tuple[str, Outcome]]:
        """Yield the gates that fit; of a bias both vectors have to."""
        by_tensor = [dict(self._of_tensor(candidate, t, letters)) for t in unit.tensors]
        for letter in letters:
            there = [t.gates for t in unit.tensors]
            outcomes = [
                fits.get(letter)
                for fits, gates in zip(by_tensor, there, strict=True)
                if letter in gates
            ]
            fitting = [outcome for outcome in outcomes if outcome]
            if outcomes and len(fitting) == len(outcomes):
                yield letter, _both(fitting)

    def _of_tensor(
        self, candidate: Candidate, tensor: TensorFacts, letters: Sequence[str]
    ) -> Iterator[tuple[str, Outcome]]:
        laws = candidate.laws_of(tensor.kind, tensor.cell.layer)
        whole = laws.get(WHOLE)
        if whole and WHOLE not in tensor.gates:
            if tensor.stacked and len(letters) == len(tensor.gates):
                outcome = self._outcome(whole.law, tensor.stacked)
                if outcome:
                    share = outcome.log_likelihood / len(letters)
                    yield from ((x, outcome._replace(log_likelihood=share)) for x in letters)
            return
        if tensor.stacked and not self._is_independent(tensor.stacked, laws, letters):
            return
        for letter in letters:
            if letter in tensor.gates and letter in laws:
                outcome = self._outcome(laws[letter].law, tensor.gates[letter])
                if outcome:
                    yield letter, outcome

    def _is_independent(
        self, stacked: Facts, laws: Mapping[str, BlockLaw], letters: Sequence[str]
    ) -> bool:
        """Whether columns of all gates together are independent, if one elementwise law says so."""
        drawn = {laws[letter].law for letter in letters if letter in laws}
        if len(letters) < 2 or len(drawn) != 1 or type(*drawn) not in REFERENCES:
            return True
        return columns_p(stacked.values) >= ERROR_RATE

    def _outcome(self, law: Any, facts: Facts) -> Outcome | None:
        key = (id(facts), law)
        if key not in self.known:
            self.go_on()
            self.known[key] = TESTS[type(law)](law, facts.values)
        return self.known[key]


def _concerns(candidate: Candidate, group: Group) -> bool:
    unit = group.units[0]
    return bool(candidate.laws_of(unit.tensors[0].kind, unit.cell.layer))


def _is_possible(candidate: Candidate, group: Group) -> bool:
    """Whether tied biases are tied, if the candidate's are."""
    if group.parameter != "bias" or group.letter:
        return True
    return group.is_tied or not any(
        getattr(found.scheme, "ties_input_gate", False)
        for (kind, _, _), found in candidate.laws.items()
        if kind.startswith("bias")
    )


def _both(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the outcome of both bias vectors of a gate."""
    p_value = min(1.0, len(outcomes) * min(o.p_value for o in outcomes))
    return Outcome(p_value, min(o.rank for o in outcomes), sum(o.log_likelihood for o in outcomes))


def _score(candidate: Candidate, outcomes: Sequence[Outcome]) -> tuple[int, float]:
    rank = sum(int(outcome.rank) for outcome in outcomes)
    return rank, sum(outcome.log_likelihood for outcome in outcomes) - candidate.cost


def _without_neighbors(one: Explained) -> Iterator[tuple[Candidate, float]]:
    """Leave out laws that differ from the best one only by an estimate of more digits."""
    best, (unit, letter) = one.best, one.group.places[0]
    for candidate, score in one.fitting.items():
        law, other = (one.at(c, unit, letter).law for c in (best or candidate, candidate))
        is_close = type(other) is type(law) and candidate.cost >= (best or candidate).cost + DIGIT
        if law == other or not is_close:
            yield candidate, score


def _sure(found: Found) -> Found:
    """Leave what fits a single gate by an exact structure, or with a scheme's defaults: one of many
    distributions fits so few elements by chance.
    """
    return {
        place: {
            candidate: outcome
            for candidate, outcome in fits.items()
            if outcome.rank >= Rank.CONSTRAINT or candidate.cost == 0
        }
        for place, fits in found.items()
    }


def _joined(
    one: Found,
    other: Found,
) -> dict[tuple[Unit, str], dict[Candidate, Outcome]]:
    return {place: {**one.get(place, {}), **other.get(place, {})} for place in {**one, **other}}
