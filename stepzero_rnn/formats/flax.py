"""Flax's weights: a tree of the cells of linen, as msgpack or as safetensors with dotted names.

`tree["layer_0"]` is what `nn.RNN(cell)` takes as `{"params": {"cell": …}}`; each direction of a
bidirectional layer is a tree of its own, `forward` and `backward`.

Source:
    Flax 0.12, `linen/recurrent.py`, https://github.com/google/flax.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepzero_rnn.dtypes import DTYPES
from stepzero_rnn.formats import msgpack, safetensors
from stepzero_rnn.formats.foreign import Cell, ForeignArray, arrays_of, cells_of
from stepzero_rnn.formats.origin import KEY, origin_json
from stepzero_rnn.formats.segments import Segment, Zeros, merge
from stepzero_rnn.plan import Plan
from stepzero_rnn.spec.checkpoint import Spec

_DIRECTIONS = ("forward", "backward")
MAX_CHUNKS = 1 << 10
_NNX = ("dense_", "if_/")  # names of the layout that only the cells of nnx have


def dotted(plan: Plan) -> tuple[Segment, ...]:
    """Lay out a plan as safetensors: `layer_0.ii.kernel`, `layer_1.backward.hf.bias`, …"""
    arrays = {name.replace("/", "."): array for name, array in _arrays(plan).items()}
    return safetensors.laid_out(plan, arrays, "flax")


def packed(plan: Plan) -> tuple[Segment, ...]:
    """Lay out a plan byte for byte as `flax.serialization.msgpack_serialize` does.

    The recipe is a string in the tree, under `stepzero`.
    """
    tree: dict[str, Any] = {KEY: origin_json(plan.spec)}
    for path, array in _arrays(plan).items():
        *parents, name = path.split("/")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[name] = array
    return tuple(merge(msgpack.packed(tree, DTYPES[plan.spec.dtype])))


def cannot(spec: Spec) -> str:
    """Return why Flax's cells do not compute what a network does, or nothing."""
    return "Flax's LSTM has no projection" if spec.proj_size else ""


def cannot_pack(spec: Spec) -> str:
    """Return why a network cannot be a msgpack file, or nothing."""
    widest = max(spec.input_size, spec.directions * spec.hidden_size)
    largest = spec.hidden_size * widest * DTYPES[spec.dtype].item_bytes
    if largest > MAX_CHUNKS * msgpack.MAX_ARRAY_BYTES:
        return f"Flax divides arrays into chunks of 1 GiB, and one would have over {MAX_CHUNKS}"
    return cannot(spec)


def _arrays(plan: Plan) -> dict[str, ForeignArray]:
    """Return all arrays by path."""
    names = [name for name in plan.spec.network.rnn.layouts["flax"] if not name.startswith(_NNX)]
    return {
        f"{_place(layer, direction, len(cells))}/{name}": array
        for layer, cells in enumerate(cells_of(plan))
        for direction, cell in enumerate(cells)
        for name, array in _cell_arrays(plan, cell, names).items()
    }


def _place(layer: int, direction: int, directions: int) -> str:
    place = f"layer_{layer}"
    return place if directions == 1 else f"{place}/{_DIRECTIONS[direction]}"


def _cell_arrays(plan: Plan, cell: Cell, names: list[str]) -> Mapping[str, ForeignArray]:
    """Return the arrays of a cell; linen's cells always have biases, so missing ones are zeros."""
    found = arrays_of(plan, "flax", [cell], names)
    size = plan.spec.hidden_size
    zeros = Zeros(size * DTYPES[plan.spec.dtype].item_bytes)
    return {name: found.get(name, ForeignArray((size,), (zeros,))) for name in names}
