"""Lists the datasets of an HDF5 file, as Keras writes it, and reads those of floats.

Only hard links inside the file are followed; whatever would make HDF5 open another file or load
code is refused before it is opened.

Source:
    https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html; Keras marks bfloat16, an
    opaque type of two bytes, by an attribute (`keras/src/saving/saving_lib.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from stepzero_rnn.arrays.parsing.parsed import (
    UNREAD,
    Exceeded,
    Limits,
    Parsed,
    Refused,
    check_shape,
    require,
)

_MAX_DEPTH = 32
_MAX_GROUPS = 16_384
_SLAB_BYTES = 4 << 20
_MAX_SLAB_BYTES = 128 << 20  # rows of chunks are unpacked together
_PLUGINS = "filters other than gzip, shuffle and fletcher32"
_FILTERS = frozenset({h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32})
# Offsets and sizes of sign, exponent and mantissa, the exponent's bias, and the size in bytes.
_FLOATS = {
    (15, 10, 5, 0, 10, 15, 2): ("F16", "f2"),
    (15, 7, 8, 0, 7, 127, 2): ("BF16", "u2"),
    (31, 23, 8, 0, 23, 127, 4): ("F32", "f4"),
    (63, 52, 11, 0, 52, 1023, 8): ("F64", "f8"),
}
_BFLOAT16 = ("bfloat16", b"bfloat16")


def parse(path: Path, limits: Limits) -> list[Parsed]:
    """List the datasets of a file.

    Raises:
        Refused, Exceeded: it is not read.
    """
    file = h5py.File(path, "r", locking=False)
    arrays: list[Parsed] = []
    for name, dataset in _Walk(limits).datasets(file.id, "", 0):
        arrays.append(_array(name, dataset))
        require("arrays", len(arrays), limits.arrays)
    return arrays


class _Walk:
    """A walk over the links of a file, which ends at its limits."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._seen: set[int] = set()

    def datasets(self, group: Any, prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
        """Yield the datasets below a group, with their names."""
        if depth > _MAX_DEPTH:
            raise Refused(f"its groups are nested more than {_MAX_DEPTH} deep")
        for link in self._links(group):
            name = prefix + link.decode(errors="replace")
            found = _opened(group, link, name)
            address = h5py.h5o.get_info(found).addr
            if address in self._seen:
                raise Refused("it is linked under two names", name)
            self._seen.add(address)
            require("groups and arrays", len(self._seen), _MAX_GROUPS + self._limits.arrays)
            if isinstance(found, h5py.h5d.DatasetID):
                yield name, found
            elif isinstance(found, h5py.h5g.GroupID):
                yield from self.datasets(found, f"{name}/", depth + 1)

    def _links(self, group: Any) -> list[bytes]:
        count = group.get_num_objs()
        require("links in a group", count, _MAX_GROUPS + self._limits.arrays)
        return [*group]


def _opened(group: Any, link: bytes, name: str) -> Any:
    kind = group.links.get_info(link).type
    if kind == h5py.h5l.TYPE_EXTERNAL:
        raise Refused("it is a link to another file", name)
    if kind != h5py.h5l.TYPE_HARD:
        raise Refused("it is a soft link, or one that takes a plug-in", name)
    return h5py.h5o.open(group, link)


def _array(name: str, dataset: Any) -> Parsed:
    properties = dataset.get_create_plist()
    layout = properties.get_layout()
    if layout == h5py.h5d.VIRTUAL:
        raise Refused("it is a virtual dataset, made of other files", name)
    if layout not in (h5py.h5d.COMPACT, h5py.h5d.CONTIGUOUS, h5py.h5d.CHUNKED):
        raise Refused("its layout is unknown", name)
    if properties.get_external_count():
        raise Refused("its values are in another file", name)
    filters = {properties.get_filter(n)[0] for n in range(properties.get_nfilters())}
    if filters - _FILTERS:
        raise Refused(f"it is compressed by {_PLUGINS}", name)
    dtype, numpy = _type(dataset)
    shape = _shape(dataset, name)
    rows = properties.get_chunk()[0] if layout == h5py.h5d.CHUNKED and shape else 1
    return Parsed(name, dtype, shape, partial(_values, dataset, numpy, rows))


def _shape(dataset: Any, name: str) -> tuple[int, ...]:
    space = dataset.get_space()
    if space.get_simple_extent_type() == h5py.h5s.NULL:
        return (0,)
    return check_shape(tuple(space.get_simple_extent_dims()), name)


def _type(dataset: Any) -> tuple[str, str]:
    """Return the type as `.safetensors` names it, and how NumPy reads it."""
    kind = dataset.get_type()
    match kind.get_class():
        case h5py.h5t.FLOAT:
            layout = (*kind.get_fields(), kind.get_ebias(), kind.get_size())
            dtype, numpy = _FLOATS.get(layout, ("F8", ""))
            return dtype, (">" if kind.get_order() == h5py.h5t.ORDER_BE else "<") + numpy
        case h5py.h5t.OPAQUE if kind.get_size() == 2 and _is_bfloat16(dataset):
            return "BF16", "<u2"
        case h5py.h5t.INTEGER:
            return f"I{8 * kind.get_size()}", ""
        case h5py.h5t.ENUM:
            return "BOOL", ""
        case _:
            return UNREAD, ""


def _is_bfloat16(dataset: Any) -> bool:
    if not h5py.h5a.exists(dataset, b"dtype"):
        return False
    return h5py.Dataset(dataset).attrs["dtype"] in _BFLOAT16


def _values(dataset: Any, numpy: str, chunk_rows: int) -> Iterator[bytes]:
    shape = dataset.shape
    kind = np.dtype(numpy)
    if not shape:
        yield _read(dataset, h5py.h5s.create(h5py.h5s.SCALAR), h5py.h5s.ALL, kind, ())
        return
    row_bytes = prod(shape[1:]) * kind.itemsize
    rows = max(1, _SLAB_BYTES // max(row_bytes * chunk_rows, 1)) * chunk_rows
    if min(rows, shape[0]) * row_bytes > _MAX_SLAB_BYTES:
        raise Exceeded("bytes in a row of chunks", rows * row_bytes, _MAX_SLAB_BYTES)
    for first in range(0, shape[0], rows):
        part = (min(rows, shape[0] - first), *shape[1:])
        inside = dataset.get_space()
        inside.select_hyperslab((first, *(0 for _ in shape[1:])), part)
        yield _read(dataset, h5py.h5s.create_simple(part), inside, kind, part)


def _read(dataset: Any, memory: Any, inside: Any, kind: Any, shape: tuple[int, ...]) -> bytes:
    """Read elements without conversion, and return them little-endian."""
    values = np.empty(shape, kind)
    dataset.read(memory, inside, values, dataset.get_type())
    return values.astype(kind.newbyteorder("<"), copy=False).tobytes()
