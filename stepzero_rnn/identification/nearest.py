"""The recipe whose laws fit a file, or most of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stepzero_rnn.errors import InvalidSpec, RecipeTooLong
from stepzero_rnn.identification.candidates import Candidate
from stepzero_rnn.identification.result import Nearest
from stepzero_rnn.identification.search import Explained
from stepzero_rnn.spec.canonical import as_object
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.networks import WHOLE
from stepzero_rnn.spec.overrides import MAX_OVERRIDES
from stepzero_rnn.spec.parse import parse
from stepzero_rnn.spec.recipe import encode_recipe


def nearest(
    network: Spec, found: Sequence[Explained], presets: Sequence[Candidate]
) -> Nearest | None:
    """Return the recipe of the likeliest preset that fits everything, else that of the likeliest
    schemes; None if no weight fits any.

    Parts that fit nothing get the scheme of most of their parameter, or PyTorch's default.
    """
    fitting = [one for one in found if one.fitting]
    if not any(one.group.parameter != "bias" for one in fitting):
        return None
    init: Any = presets[0].preset if presets else _parts(fitting)
    chosen = presets[:1] or [one.best for one in fitting if one.best]
    is_relu = any(candidate.nonlinearity == "relu" for candidate in chosen)
    fields = network.model_dump(exclude={"init", "nonlinearity"}) | {"init": init}
    try:
        spec = parse(Spec, fields | ({"nonlinearity": "relu"} if is_relu else {}))
        token = encode_recipe(spec)
    except (InvalidSpec, RecipeTooLong):
        return None
    return Nearest(token, f"/v1/checkpoints/{token}", init, len(fitting) == len(found))


def _parts(fitting: Sequence[Explained]) -> dict[str, Any]:
    """Return the init with the scheme of most elements for each parameter, and overrides."""
    parts: dict[str, Any] = {}
    overrides: list[Mapping[str, Any]] = []
    for parameter in dict.fromkeys(one.group.parameter for one in fitting):
        groups = [one for one in fitting if one.group.parameter == parameter]
        most = max(groups, key=_elements)
        parts[parameter] = _scheme(most)
        for one in groups:
            if _scheme(one) != parts[parameter]:
                overrides += _overrides(one)
    return parts | ({"overrides": overrides[:MAX_OVERRIDES]} if overrides else {})


def _elements(one: Explained) -> int:
    return sum(block.values.elements for block in one.group.blocks)


def _scheme(one: Explained) -> Any:
    """Return the likeliest scheme at a group's first place, as a request spells it."""
    unit, letter = one.group.places[0]
    best = one.best
    if best is None:
        raise AssertionError("only groups that fit something have a scheme")
    scheme = as_object(one.at(best, unit, letter).scheme)
    return scheme if len(scheme) > 1 else scheme["scheme"]


def _overrides(one: Explained) -> Iterator[Mapping[str, Any]]:
    """Yield the overrides that give a group its scheme; one that fits everything has none."""
    letter, gates = one.group.letter, one.group.rnn.by_letter
    for unit in one.group.units:
        yield {
            "parameter": unit.parameter,
            "layer": unit.cell.layer,
            "direction": "reverse" if unit.cell.reverse else "forward",
            **({"gate": gates[letter].name} if letter and letter != WHOLE else {}),
            "init": _scheme(one),
        }
