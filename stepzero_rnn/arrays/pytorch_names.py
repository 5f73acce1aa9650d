"""PyTorch's names of parameters, as in a `state_dict`: `rnn.weight_ih_l0_reverse`, or a cell's
`cell.weight_ih`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from stepzero_rnn.arrays.layouts import LayoutRule
from stepzero_rnn.arrays.naming import Named, NamedArray, Reading
from stepzero_rnn.arrays.records import printable
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.networks import Cell

_LISTED = 8
_NAME = re.compile(
    r"(?:^|(?<=[./]))(?P<kind>weight_(?:ih|hh|hr)|bias_(?:ih|hh))(?:_l(?P<layer>0|[1-9]\d{0,3})(?P<reverse>_reverse)?)?"
    r"(?:[./](?P<gate>[a-z]+))?$"
)


def read_pytorch(calls: Iterable[NamedArray], rules: Mapping[str, LayoutRule]) -> Reading:
    """Interpret names; those with the same prefix belong to one network."""
    reading = Reading()
    networks: dict[str, list[NamedArray]] = {}
    for call in calls:
        match = _NAME.search(call.name)
        rule = rules.get(_parameter(match)) if match else None
        if match is None or rule is None:
            reading.strangers.append(call)
            continue
        networks.setdefault(call.name[: match.start()], []).append(call)
        reverse = match["reverse"] is not None
        reading.named.append(Named(call.found, rule, int(match["layer"] or 0), reverse))
    reading.networks = [*networks.values()]
    reading.prefix = next(iter(networks), "")
    listed = [printable(prefix) for prefix in networks][:_LISTED]
    reading.doubt = f"the names have {len(networks)} different prefixes: {listed}"
    return reading


def parameter(name: str) -> str:
    """Return the parameter in a name, possibly with its gate; empty if there is none."""
    match = _NAME.search(name)
    return _parameter(match) if match else ""


def _parameter(match: re.Match[str]) -> str:
    return ".".join(filter(None, match.group("kind", "gate")))


def examples(spec: Spec) -> list[str]:
    """Return the names of the first and the last layer, as examples."""
    network = spec.network
    return [
        Cell(layer, reverse).name(kind)
        for layer in sorted({0, spec.num_layers - 1})
        for kind in network.kinds
        for reverse in network.reverse_flags
    ]
