"""An uncompressed zip whose length is known in advance, with the layout of torch's writer.

The data of each record starts at a multiple of 64 bytes, so that readers can map it into memory.
Sizes and CRCs follow the data (a data descriptor), so a record can be sent before its CRC is known.
The fields are those of the zip specification:
https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT.

Source:
    PyTorch 2.13, `caffe2/serialize/inline_container.cc` (padding) and miniz 3.0.2 (records) in
    https://github.com/pytorch/pytorch.  Its peculiarities are preserved, as readers accept them and
    equal bytes can be tested: "version needed" is 0, the end record is always in zip64 form, and a
    local zip64 field has 0 as the second of its two sizes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from stepzero_rnn.formats.crc import crc32_of
from stepzero_rnn.formats.segments import Deferred, DeferredValues, Literal, Segment, merge, size_of

FIRST_DAY = (1 << 5) | 1  # 1980-01-01, the earliest date in a zip
NO_DATE = 0  # not a date, but what torch writes

_ALIGNMENT_BYTES = 64
_FLAGS = 0x0808  # sizes and CRC follow the data; names are UTF-8
_MAX_16, _MAX_32 = 0xFFFF, 0xFFFFFFFF  # in these fields: the value is in the zip64 field

_LOCAL_HEADER = struct.Struct("<IHHHHHIIIHH")
_DESCRIPTOR = struct.Struct("<IIII")
_DESCRIPTOR_64 = struct.Struct("<IIQQ")
_DIRECTORY_ENTRY = struct.Struct("<IHHHHHHIIIHHHHHII")
_END_64 = struct.Struct("<IQHHIIQQQQ")
_END_64_LOCATOR = struct.Struct("<IIQI")
_END = struct.Struct("<IHHHHIIH")


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """One file inside a zip."""

    name: str
    content: tuple[Segment, ...]


def stored_zip(
    entries: Iterable[ZipEntry], *, date: int = FIRST_DAY, comment: bytes = b""
) -> tuple[Segment, ...]:
    """Lay out entries in order, then the directory.

    Args:
        date: date of every entry in MS-DOS format; a constant, so that bytes are reproducible.
        comment: comment of the zip, at most 65535 bytes.
    """
    records, start = [], 0
    for entry in entries:
        record = _Record.at(start, entry, date)
        records.append(record)
        start = record.end
    directory_bytes = sum(record.directory_bytes for record in records)
    body = (segment for record in records for segment in record.segments())
    directory = Deferred(directory_bytes, lambda values: _directory(records, values))
    end = Literal(_end(len(records), start, directory_bytes, comment))
    return (*merge(body), directory, end)


@dataclass(frozen=True, slots=True)
class _Record:
    """An entry at its place in the zip."""

    entry: ZipEntry
    name: bytes
    size: int
    start: int
    date: int
    header: bytes
    known_crc: int | None

    @classmethod
    def at(cls, start: int, entry: ZipEntry, date: int) -> Self:
        name, size = entry.name.encode(), size_of(entry.content)
        header = _header(name, size, start, date)
        return cls(entry, name, size, start, date, header, _known_crc32(entry.content))

    @property
    def descriptor(self) -> struct.Struct:
        return _DESCRIPTOR if max(self.size, self.start) < _MAX_32 else _DESCRIPTOR_64

    @property
    def end(self) -> int:
        return self.start + len(self.header) + self.size + self.descriptor.size

    @property
    def directory_bytes(self) -> int:
        return (
            _DIRECTORY_ENTRY.size
            + len(self.name)
            + len(_zip64_field(self.size, self.start, self.size))
        )

    def segments(self) -> Iterator[Segment]:
        """Yield header, content and data descriptor; the descriptor is deferred unless the CRC is
        known.
        """
        yield Literal(self.header)
        yield from self.entry.content
        if self.known_crc is None:
            yield Deferred(self.descriptor.size, lambda values: self.describe(self.crc(values)))
        else:
            yield Literal(self.describe(self.known_crc))

    def crc(self, values: DeferredValues) -> int:
        if self.known_crc is not None:
            return self.known_crc
        return crc32_of(self.entry.content, values)

    def describe(self, crc: int) -> bytes:
        """Return the data descriptor."""
        return self.descriptor.pack(0x08074B50, crc, self.size, self.size)

    def directory_entry(self, values: DeferredValues) -> bytes:
        crc = self.crc(values)
        extra = _zip64_field(self.size, self.start, self.size)
        size, start = min(self.size, _MAX_32), min(self.start, _MAX_32)
        lengths = (len(self.name), len(extra), 0)
        fixed = _DIRECTORY_ENTRY.pack(
            0x02014B50, 0, 0, _FLAGS, 0, 0, self.date, crc, size, size, *lengths, 0, 0, 0, start
        )
        return fixed + self.name + extra


@lru_cache(1024)  # small networks of one shape have the same headers
def _header(name: bytes, size: int, start: int, date: int) -> bytes:
    """Return the local header, padded so that the data is aligned."""
    extra = _zip64_field(size, start, 0)
    unpadded = start + _LOCAL_HEADER.size + len(name) + len(extra) + 4
    pad = -unpadded % _ALIGNMENT_BYTES
    extra += b"FB" + pad.to_bytes(2, "little") + b"Z" * pad
    lengths = (len(name), len(extra))
    return _LOCAL_HEADER.pack(0x04034B50, 0, _FLAGS, 0, 0, date, 0, 0, 0, *lengths) + name + extra


def _zip64_field(size: int, start: int, second_size: int) -> bytes:
    """Return the field for values that do not fit into 32 bits; empty if all do."""
    if max(size, start) < _MAX_32:
        return b""
    sizes = struct.pack("<QQ", size, second_size) if size >= _MAX_32 else b""
    offset = struct.pack("<Q", start) if start >= _MAX_32 else b""
    return struct.pack("<HH", 1, len(sizes + offset)) + sizes + offset


def _directory(records: Iterable[_Record], values: DeferredValues) -> bytes:
    return b"".join(record.directory_entry(values) for record in records)


def _end(count: int, start: int, directory_bytes: int, comment: bytes) -> bytes:
    """Return the three records after the directory; they locate it, and contain no CRC."""
    made_by, needed = 0x031E, 45
    end_64 = _END_64.pack(
        0x06064B50, 44, made_by, needed, 0, 0, count, count, directory_bytes, start
    )
    locator = _END_64_LOCATOR.pack(0x07064B50, 0, start + directory_bytes, 1)
    counts = (min(count, _MAX_16), min(count, _MAX_16))
    place = (min(directory_bytes, _MAX_32), min(start, _MAX_32))
    end = _END.pack(0x06054B50, 0, 0, *counts, *place, len(comment))
    return end_64 + locator + end + comment


def _known_crc32(content: Iterable[Segment]) -> int | None:
    """Return the CRC of content that consists of literals only, or else None."""
    crc = 0
    for segment in content:
        if not isinstance(segment, Literal):
            return None
        crc = zlib.crc32(segment.data, crc)
    return crc
