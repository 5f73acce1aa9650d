"""The pickle in a `.pt` file: a `state_dict` as `torch.save` pickles it, written without torch.

It uses protocol 2, with the same opcodes as CPython's pickler (`Lib/pickletools.py` explains them),
so planning a file does not need torch.  A test compares the bytes with torch's.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from operator import mul
from typing import Self

from stepzero_rnn.formats.origin import KEY
from stepzero_rnn.plan import Plan, TensorPlan
from stepzero_rnn.plan import plan as plan_of
from stepzero_rnn.spec.canonical import STREAM_VERSION, canonical_json
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.thresholds import PLANNED_AT_ONCE_CELLS

_PROTOCOL_2, _STOP = b"\x80\x02", b"."
_MARK, _EMPTY_TUPLE, _EMPTY_DICT, _FALSE = b"(", b")", b"}", b"\x89"
_SETITEM, _SETITEMS, _BUILD = b"s", b"u", b"b"
_REDUCE, _PERSISTENT_ID = b"R", b"Q"
_TUPLE, _TUPLE_1, _TUPLE_2 = b"t", b"\x85", b"\x86"
_BATCH = 1000  # items that the pickler sets at once


class _Writer:
    """Opcodes, and the memo that turns repeated objects into references to the first."""

    def __init__(
        self,
        written: bytes = _PROTOCOL_2,
        places: Mapping[bytes, int] | None = None,
        count: int = 0,
    ) -> None:
        self._opcodes = [written]
        self._places = dict(places or {})
        self._memoized = count

    def copy(self) -> Self:
        """Return an independent writer that continues from here."""
        return type(self)(self.written(), self._places, self._memoized)

    def add(self, *opcodes: bytes) -> None:
        """Write opcodes without memoizing anything."""
        self._opcodes += opcodes

    def new(self, *opcodes: bytes) -> None:
        """Write opcodes that create an object, and memoize it."""
        self._opcodes += opcodes
        self._opcodes.append(_memo_opcode(b"q", b"r", self._memoized))
        self._memoized += 1

    def once(self, opcodes: bytes) -> None:
        """Write an object that may occur repeatedly: a string or a global name."""
        place = self._places.get(opcodes)
        if place is None:
            self._places[opcodes] = self._memoized
            self.new(opcodes)
        else:
            self.add(_memo_opcode(b"h", b"j", place))

    def written(self) -> bytes:
        """Return all opcodes so far."""
        return b"".join(self._opcodes)


_ORDERED_DICT = b"ccollections\nOrderedDict\n"
_REBUILD_TENSOR = b"ctorch._utils\n_rebuild_tensor_v2\n"


def state_dict_pickle(plan: Plan) -> bytes:
    """Pickle the `state_dict` of a plan: its tensors by reference to the records that hold them."""
    few = plan.spec.cells <= PLANNED_AT_ONCE_CELLS
    out = _known_items(plan.spec.unseeded).copy() if few else _all_items(plan.tensors)
    _metadata(out, canonical_json(plan.spec))
    return out.written() + _STOP


@lru_cache(64)
def _known_items(spec: Spec) -> _Writer:
    """Write the items of a small network, which do not depend on the seed."""
    return _all_items(plan_of(spec).tensors)


def _all_items(tensors: Sequence[TensorPlan]) -> _Writer:
    out = _Writer()
    _ordered_dict(out)
    keyed = list(enumerate(tensors))
    for first in range(0, len(keyed), _BATCH):
        _items(out, keyed[first : first + _BATCH])
    return out


def _ordered_dict(out: _Writer) -> None:
    out.once(_ORDERED_DICT)
    out.new(_EMPTY_TUPLE, _REDUCE)


def _items(out: _Writer, keyed: Sequence[tuple[int, TensorPlan]]) -> None:
    """Set a batch of items; the pickler has a shorter form for a batch of one."""
    is_one = len(keyed) == 1
    out.add(b"" if is_one else _MARK)
    for key, tensor in keyed:
        out.new(_string(tensor.name))
        _tensor(out, str(key), tensor)
    out.add(_SETITEM if is_one else _SETITEMS)


def _tensor(out: _Writer, key: str, tensor: TensorPlan) -> None:
    """Call `_rebuild_tensor_v2(storage, 0, shape, stride, requires_grad=False, hooks={})`."""
    out.once(_REBUILD_TENSOR)
    out.add(_MARK)
    _storage(out, key, tensor)
    out.add(_integer(0))
    _integers(out, tensor.shape)
    _integers(out, _row_major_stride(tensor.shape))
    out.add(_FALSE)
    _ordered_dict(out)
    out.new(_TUPLE)
    out.new(_REDUCE)


def _storage(out: _Writer, key: str, tensor: TensorPlan) -> None:
    """Write a reference to the record `data/{key}`.

    The device is always `cpu`, wherever the weights were drawn: a file with `cuda:0` would not load
    on a machine without that device.
    """
    out.add(_MARK)
    out.once(_string("storage"))
    out.once(b"ctorch\n" + tensor.dtype.torch_storage.encode() + b"\n")
    out.new(_string(key))
    out.once(_string("cpu"))
    out.new(_integer(tensor.elements), _TUPLE)
    out.add(_PERSISTENT_ID)


def _metadata(out: _Writer, recipe: str) -> None:
    """Set the attribute `_metadata`, as in a module's `state_dict()`, with the recipe added."""
    out.new(_EMPTY_DICT)
    out.new(_string("_metadata"))
    _ordered_dict(out)
    out.add(_MARK)
    out.new(_string(""))  # the module itself, which has no name
    out.new(_EMPTY_DICT)
    out.once(_string("version"))
    out.add(_integer(1), _SETITEM)
    out.new(_string(KEY))
    out.new(_EMPTY_DICT)
    out.add(_MARK)
    out.once(_string("version"))
    out.add(_integer(STREAM_VERSION))
    out.new(_string("recipe"))
    out.new(_string(recipe))
    out.add(_SETITEMS, _SETITEMS, _SETITEM, _BUILD)


def _integers(out: _Writer, values: tuple[int, ...]) -> None:
    """Write the shape or stride of a vector or a matrix."""
    out.new(*map(_integer, values), _TUPLE_1 if len(values) == 1 else _TUPLE_2)


def _integer(value: int) -> bytes:
    if value < 1 << 8:
        return b"K" + value.to_bytes(1, "little")
    if value < 1 << 16:
        return b"M" + value.to_bytes(2, "little")
    if value < 1 << 31:
        return b"J" + value.to_bytes(4, "little")
    digits = value.to_bytes(value.bit_length() // 8 + 1, "little")  # one bit more, for the sign
    return b"\x8a" + len(digits).to_bytes(1, "little") + digits


def _string(text: str) -> bytes:
    return b"X" + len(text).to_bytes(4, "little") + text.encode("ascii")


def _memo_opcode(short: bytes, long: bytes, place: int) -> bytes:
    return short + bytes([place]) if place < 1 << 8 else long + struct.pack("<I", place)


def _row_major_stride(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(accumulate(reversed(shape[1:]), mul, initial=1))[::-1]
