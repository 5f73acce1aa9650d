"""Keras layers for cuDNN, whose arrays have the usual names but a different meaning."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from stepzero_rnn.arrays.layouts import CUDNN
from stepzero_rnn.arrays.naming import Placed, Where, unknown
from stepzero_rnn.arrays.records import ReadOptions, printable
from stepzero_rnn.errors import FieldError
from stepzero_rnn.spec.checkpoint import Spec

# The name of the class, or its snake case as Keras writes it; TensorFlow 1's CudnnCompatible cells
# are not among them.
_NAME = re.compile(r"(?<![a-z0-9])cu_?dnn(?!_?compatible)", re.IGNORECASE)
_COMPATIBLE = re.compile(r"(?<![a-z0-9])cudnn_?compatible", re.IGNORECASE)
_FILE = re.compile(r"(?<![a-z0-9])cu_?dnn_?(?:lstm|gru)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Layer:
    """The arrays of one layer, and whether its name and its bias identify it as cuDNN's.

    `by_bias` is None if there is no bias.
    """

    members: Sequence[Placed]
    by_name: bool
    by_bias: bool | None


def as_named(
    network: Sequence[Placed], spec: Spec, options: ReadOptions
) -> tuple[Sequence[Placed], FieldError | None]:
    """Read the arrays of cuDNN layers as such; reject a network with layers of both kinds."""
    match options.layout:
        case "keras":
            return _as_cudnn(network, spec)
        case "tf1":
            return _as_compatible(network), None
        case _:
            return network, None


def _as_cudnn(network: Sequence[Placed], spec: Spec) -> tuple[Sequence[Placed], FieldError | None]:
    """Read the arrays of Keras's CuDNNLSTM and CuDNNGRU as such; reject a mixed network."""
    if spec.rnn_type not in CUDNN:
        return network, None
    by_place: dict[tuple[Where, frozenset[bool]], list[Placed]] = {}
    for one in network:
        by_place.setdefault((one.where, one.directions), []).append(one)
    layers = [_layer(members, spec) for members in by_place.values()]
    ours = [layer for layer in layers if layer.by_name or layer.by_bias]
    if not ours:
        return network, None
    for other in layers:
        if other.by_bias is False:
            return network, _mixed(ours[0].members[0], other.members[0])
    rules = CUDNN[spec.rnn_type]
    return [one._replace(rule=rules[one.tail]) for one in network], None


def _as_compatible(network: Sequence[Placed]) -> list[Placed]:
    """Read the arrays of TensorFlow 1's CudnnCompatibleLSTMCell, which adds no forget bias."""
    return [
        one._replace(rule=replace(one.rule, ones=""))
        if _COMPATIBLE.search(one.call.found.name)
        else one
        for one in network
    ]


def _layer(members: Sequence[Placed], spec: Spec) -> _Layer:
    shapes = {one.tail: one.call.found.shape for one in members}
    wide = len(spec.network.rnn.letters) * spec.hidden_size
    for name in ("kernel", "recurrent_kernel"):
        if len(shape := shapes.get(name, ())) == 2:
            wide = shape[1]
    by_bias = shapes["bias"] == (2 * wide,) if "bias" in shapes else None
    found = members[0].call.found  # the full name, with the prefix
    by_name = bool(_NAME.search(found.name) or _FILE.search(found.file))
    return _Layer(members, by_name, by_bias)


def _mixed(ours: Placed, other: Placed) -> FieldError:
    same = ours.where == other.where
    detail = (
        f"{printable(ours.call.found.name)} belongs to a Keras layer for cuDNN (CuDNNLSTM, "
        "CuDNNGRU), whose bias has 2·gates·hidden_size elements, but the bias "
    )
    detail += "next to it" if same else f"of {printable('/'.join(other.where))}"
    detail += " does not; send layers of one kind, each under its own name"
    return unknown(other.call.found, detail)
