"""From a file of arrays to the initialization that it is; read this first.

infer the network → canonical file → compare with its recipe → test every law → verdict
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from stepzero_rnn.arrays.canonical import Stored, open_stored
from stepzero_rnn.arrays.inference import infer
from stepzero_rnn.arrays.ingest import ingest
from stepzero_rnn.arrays.parsing.conversion import plain_files
from stepzero_rnn.arrays.readers.files import list_arrays
from stepzero_rnn.arrays.records import ReadLimits, ReadOptions, Upload, Watch
from stepzero_rnn.engine.thread_pool import Stop
from stepzero_rnn.identification.candidates import Candidate, Catalogue
from stepzero_rnn.identification.evidence import groups_of
from stepzero_rnn.identification.nearest import nearest
from stepzero_rnn.identification.reading import units_of
from stepzero_rnn.identification.redraw import Tools, recorded, redraw
from stepzero_rnn.identification.result import Fit, Identified, Part, Redraw
from stepzero_rnn.identification.search import Explained, Search
from stepzero_rnn.identification.verdict import verdict
from stepzero_rnn.spec.canonical import as_object, canonical
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.networks import WHOLE
from stepzero_rnn.uploads.store import Incoming

MAX_FITS = 8  # listed of each part


@dataclass(frozen=True, slots=True)
class Given:
    """Arrays to identify: their files, how they are read, and the recipe that comes with them,
    unless a file itself carries it.
    """

    files: Sequence[Upload]
    options: ReadOptions
    bounds: ReadLimits
    recipe: Spec | None = None


def identify(given: Given, incoming: Incoming, tools: Tools) -> Identified:
    """Say which initialization arrays are.

    Temporary files are written in the folder of `incoming`, which claims their space first; nothing
    is stored.

    Raises:
        Stopped: the work was stopped.
        Busy: there is no space for the files at the moment.
        InvalidArrays, ArraysTooLarge, NotAnArrayFile: the arrays cannot be read, or do not tell
            their network.
        MissingExtra: the extra `readers`, which their format needs, is not installed.
    """
    watch = Watch(incoming.claim_work, tools.stop.check)
    with plain_files(given.files, incoming.path, given.bounds, watch) as plain:
        return _identify(replace(given, files=plain), incoming, tools)


def _identify(given: Given, incoming: Incoming, tools: Tools) -> Identified:
    network = infer(list_arrays(given.files, given.bounds), given.options)
    carried = given.recipe or recorded(given.files, given.bounds)
    with _canonical(given, incoming, network, tools.stop) as stored:
        redrawn = redraw(carried, stored, tools) if carried else None
        return identified(stored, network, tools.stop.check, redrawn)


@contextmanager
def _canonical(given: Given, incoming: Incoming, network: Spec, stop: Stop) -> Iterator[Stored]:
    """Write the canonical file of arrays, and open it."""
    target = incoming.path / "canonical"
    bounds = replace(given.bounds, kept_bytes=incoming.max_bytes)
    watch = Watch(incoming.claim_work, stop.check)
    incoming.write(lambda: ingest(given.files, target, network, given.options, bounds, watch))
    with open_stored(target) as stored:
        yield stored


def identified(
    stored: Stored,
    network: Spec,
    go_on: Callable[[], object],
    redrawn: Redraw | None = None,
) -> Identified:
    """Test the arrays of a canonical file against every law of the catalogue.

    Args:
        go_on: called between blocks; an exception it raises ends the work.
    """
    found, blocks = explained(stored, network, go_on)
    presets = _fitting_presets(found)
    return Identified(
        verdict=verdict(found, presets, redrawn),
        network=canonical(network),
        parts=[part for one in found for part in _parts(one, blocks)],
        nearest=nearest(network, found, presets),
        redraw=redrawn,
    )


def explained(
    stored: Stored, network: Spec, go_on: Callable[[], object]
) -> tuple[list[Explained], int]:
    """Return what fits each group of the network's parts, and the number of its blocks.

    Biases come first, since the law of one weight scheme depends on them.
    """
    units = units_of(stored, network.network)
    blocks = sum(len(unit.letters) * len(unit.tensors) for unit in units)
    search, catalogue = Search(blocks, go_on), Catalogue(network)
    presets = catalogue.presets()
    found: list[Explained] = []
    groups = groups_of(network.network.rnn, units)
    for group in sorted(groups, key=lambda group: group.parameter != "bias"):
        part = [*search.explain(group, catalogue, presets)]
        found += part
        if group.parameter == "bias" and len(part) == 1 and (best := part[0].best):
            catalogue = Catalogue(network, part[0].at(best, *group.places[0]).scheme)
    found.sort(key=lambda one: one.group.parameter == "bias")
    return found, blocks


def _fitting_presets(found: Sequence[Explained]) -> list[Candidate]:
    """Return the presets that fit everything, the likeliest first."""
    scores: dict[Candidate, float] = {}
    for candidate in found[0].fitting if found else ():
        if candidate.preset and all(candidate in one.fitting for one in found):
            scores[candidate] = sum(one.fitting[candidate] for one in found)
    return sorted(scores, key=lambda candidate: -scores[candidate])


def _parts(one: Explained, blocks: int) -> Iterator[Part]:
    """Yield the blocks of a group, each with its fits, which equal schemes share."""
    gates = one.group.rnn.by_letter
    for unit, letter in one.group.places:
        outcomes = one.outcomes[unit, letter]
        fits: dict[str, Fit] = {}
        for candidate in one.fitting:
            scheme = as_object(one.at(candidate, unit, letter).scheme)
            p_value = min(1.0, outcomes[candidate].p_value * blocks)
            fits.setdefault(repr(scheme), Fit(scheme, p_value))
        listed = [*fits.values()]
        names = dict.fromkeys(str(fit.scheme["scheme"]) for fit in listed)
        others = [name for name in names if name != listed[0].scheme["scheme"]]
        for tensor in unit.tensors:
            if letter in tensor.gates:
                name = gates[letter].name if letter in gates else WHOLE
                elements = tensor.gates[letter].values.elements
                yield Part(tensor.name, name, elements, listed[:MAX_FITS], others)
