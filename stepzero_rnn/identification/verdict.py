"""What was found, in one sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from stepzero_rnn.identification.candidates import Candidate
from stepzero_rnn.identification.numbers import ROUND_DIGITS
from stepzero_rnn.identification.outcome import Rank
from stepzero_rnn.identification.result import Redraw, spelled
from stepzero_rnn.identification.search import Explained
from stepzero_rnn.spec.canonical import as_object
from stepzero_rnn.spec.schemes.biases import ForgetBias
from stepzero_rnn.spec.schemes.presets import PRESETS

_LISTED = 4


def verdict(found: Sequence[Explained], presets: Sequence[Candidate], redraw: Redraw | None) -> str:
    """Return the result in one sentence.

    Args:
        presets: those that fit everything, the likeliest first.
    """
    if redraw and redraw.equal:
        return f"The recipe that the file carries, bit for bit. {_laws(found, presets)}"
    if redraw:
        names = _quoted(redraw.differing)
        return f"Not the recipe that the file carries: {names} differ. {_laws(found, presets)}"
    return _laws(found, presets)


def _laws(found: Sequence[Explained], presets: Sequence[Candidate]) -> str:
    weights = [one for one in found if one.group.parameter != "bias"]
    if presets:
        return f"{_preset(found, presets)}.{_doubts(weights, presets[0])}"
    if any(one.fitting for one in weights):
        return _schemes(found, weights)
    return "Trained: no start fits the weights."


def _schemes(found: Sequence[Explained], weights: Sequence[Explained]) -> str:
    if names := _left_at_default(weights):
        return f"PyTorch's default in {_quoted(names)} only: was your init applied?"
    fitting = "; ".join(_by_parameter([one for one in found if one.fitting]))
    if lacking := _tensors([one for one in weights if not one.fitting]):
        return (
            f"Trained, or not of the catalogue: no start fits {_quoted(lacking)}; "
            f"the rest: {fitting}."
        )
    if odd := _tensors([one for one in weights if not _is_round(one)]):
        return f"Trained, or rescaled: no round numbers fit {_quoted(odd)}; nearest: {fitting}."
    return f"{fitting}.{_doubts(weights, None)}"


def _is_round(one: Explained) -> bool:
    """Whether the likeliest law has a structure, or no parameter of many digits."""
    best = one.best
    if best is None:
        return False
    ranks = [fits[best].rank for place, fits in one.outcomes.items() if best in fits]
    return min(ranks) > Rank.DISTRIBUTION or best.digits <= ROUND_DIGITS


def _tensors(groups: Sequence[Explained]) -> list[str]:
    """Return the tensors of groups, and gates of tensors if others of theirs are in no group."""
    gates = {t.name: len(t.gates) for one in groups for u in one.group.units for t in u.tensors}
    names = [name for one in groups for name in _names(one)]
    counts = Counter(name.partition(".")[0] for name in names)
    whole = (
        tensor if counts[tensor] == gates[tensor] else name
        for name in names
        for tensor in (name.partition(".")[0],)
    )
    return [*dict.fromkeys(whole)]


def _preset(found: Sequence[Explained], presets: Sequence[Candidate]) -> str:
    """Name the preset, its forget bias, and the presets that are not distinguished from it."""
    name = presets[0].preset
    library, colon, _ = PRESETS[name].source.partition(":")
    text = f"{library}'s default" if colon and "arXiv" not in library else f"The preset {name}"
    for one in found:
        unit, letter = one.group.places[0]
        scheme = one.at(presets[0], unit, letter).scheme
        if isinstance(scheme, ForgetBias):
            text += f", forget bias {scheme.value:g}"
    others = [candidate.preset for candidate in presets[1:]]
    return text + (f" (or the preset {' or '.join(others[:_LISTED])})" if others else "")


def _left_at_default(weights: Sequence[Explained]) -> list[str]:
    """Return the tensors with PyTorch's law, if some, but not all, of a parameter have it."""
    at_default = [one for one in weights if one.fitting and _is_pytorch(one)]
    parameters = {one.group.parameter for one in at_default}
    others = [one for one in weights if one not in at_default]
    if not any(one.group.parameter in parameters for one in others):
        return []
    return [name for one in at_default for name in _names(one)]


def _is_pytorch(one: Explained) -> bool:
    unit, letter = one.group.places[0]
    schemes = (one.at(candidate, unit, letter).scheme for candidate in one.fitting)
    return any(as_object(scheme) == {"scheme": "pytorch"} for scheme in schemes)


def _by_parameter(found: Sequence[Explained]) -> Iterator[str]:
    """Yield a clause for each parameter, or for each tensor if they differ."""
    for one in found:
        whole = sum(other.group.parameter == one.group.parameter for other in found) == 1
        unit, letter = one.group.places[0]
        best = one.best
        if best:
            name = one.group.parameter if whole else _quoted(_names(one))
            yield f"{name} {spelled(as_object(one.at(best, unit, letter).scheme))}"


def _doubts(weights: Sequence[Explained], preset: Candidate | None) -> str:
    """Return a sentence about schemes of other laws that the elements are too few to rule out."""
    others: dict[str, None] = {}
    for one in weights:
        unit, letter = one.group.places[0]
        best = preset or one.best
        if best is None:
            continue
        law = one.at(best, unit, letter).law
        for candidate in one.fitting:
            other = one.at(candidate, unit, letter)
            if other.law != law:
                others[f"{one.group.parameter} {spelled(as_object(other.scheme))}"] = None
    listed = [*others][:_LISTED]
    more = " and others" * (len(others) > _LISTED)
    return f" Too few elements to rule out {', '.join(listed)}{more}." if listed else ""


def _names(one: Explained) -> list[str]:
    """Return the tensors of a group, with their gate if it is one gate of them."""
    names = (tensor.name for unit in one.group.units for tensor in unit.tensors)
    gate = one.group.rnn.by_letter.get(one.group.letter or "")
    return [f"{name}.{gate.name}" if gate else name for name in names]


def _quoted(names: Sequence[str]) -> str:
    listed = ", ".join(f"`{name}`" for name in names[:_LISTED])
    return listed + f" and {len(names) - _LISTED} more" * (len(names) > _LISTED)
