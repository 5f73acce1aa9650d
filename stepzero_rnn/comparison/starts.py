"""The starts of a request as specs: each is checked against the network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from stepzero_rnn.comparison.requests import ComparisonRequest, RecommendationRequest, StartsRequest
from stepzero_rnn.diagnostics.candidates import candidates_for
from stepzero_rnn.errors import FieldError, InvalidSpec
from stepzero_rnn.spec.canonical import recipe_digest
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.parse import parse

OWN = "init"  # the label of the user's own start


@dataclass(frozen=True, slots=True)
class NamedStart:
    """A start under its label; the spec has the first of the seeds."""

    label: str
    spec: Spec

    def with_seed(self, seed: int) -> Spec:
        """Return the spec with another seed."""
        return self.spec.model_copy(update={"seed": seed})


def starts_of(request: ComparisonRequest) -> list[NamedStart]:
    """Return the starts to compare.

    Raises:
        InvalidSpec: some do not fit the network; the pointers begin with `/starts`.
    """
    each = enumerate(request.starts)
    return _fitted(request, ((f"/starts/{n}", one.label, one.init) for n, one in each))


def candidates_of(request: RecommendationRequest) -> list[NamedStart]:
    """Return the starts to rank: the user's own first, then those that are built in.

    A built-in candidate that equals one of the user's is not repeated.

    Raises:
        InvalidSpec: a start does not fit the network, a label is unknown or repeated, or no start
            is left.
    """
    own = [] if request.init is None else [("", OWN, request.init)]
    included = [(f"/include/{n}", one.label, one.init) for n, one in enumerate(request.include)]
    given = _fitted(request, [*own, *included])
    (plain,) = _fitted(request, [("", "", "pytorch")])
    built_in = candidates_for(plain.spec, request.needed_length)
    _refuse_repeated(request, [*(OWN for _ in own), *built_in])
    starts = {recipe_digest(spec): NamedStart(label, spec) for label, spec in built_in.items()}
    for start in given:
        starts.pop(recipe_digest(start.spec), None)
    every = [*given, *starts.values()]
    _refuse_unknown(request.exclude, [*(start.label for start in given), *built_in])
    kept = [start for start in every if start.label not in request.exclude]
    if not kept:
        detail = "every candidate is excluded; exclude fewer, or include starts of your own"
        raise InvalidSpec([FieldError("/exclude", "no_candidates", detail, [*request.exclude])])
    return kept


def _fitted(request: StartsRequest, inits: Iterable[tuple[str, str, Any]]) -> list[NamedStart]:
    """Return starts of the network, given by the pointer of what has the `init`, label and init."""
    network = request.network
    fields: dict[str, Any] = {name: getattr(network, name) for name in network.model_fields_set}
    fields["seed"] = request.seeds[0]
    starts: list[NamedStart] = []
    errors: list[FieldError] = []
    for place, label, init in inits:
        try:
            starts.append(NamedStart(label, parse(Spec, {**fields, "init": init})))
        except InvalidSpec as error:
            each = (FieldError(**facts) for facts in error.facts["errors"])
            errors += [replace(one, pointer=f"{place}{one.pointer}") for one in each]
    if errors:
        raise InvalidSpec(errors)
    return starts


def _refuse_repeated(request: RecommendationRequest, taken: Sequence[str]) -> None:
    for number, start in enumerate(request.include):
        if start.label in taken:
            detail = f"the label {start.label!r} is that of another candidate"
            pointer = f"/include/{number}/label"
            raise InvalidSpec([FieldError(pointer, "repeated_label", detail, start.label)])


def _refuse_unknown(excluded: Sequence[str], known: Sequence[str]) -> None:
    errors = [
        FieldError(f"/exclude/{number}", "unknown_label", _unknown(label, known), label, [*known])
        for number, label in enumerate(excluded)
        if label not in known
    ]
    if errors:
        raise InvalidSpec(errors)


def _unknown(label: str, known: Sequence[str]) -> str:
    near = get_close_matches(label, known, n=1)
    return f"did you mean {near[0]!r}? " * bool(near) + f"no candidate is called {label!r}"
