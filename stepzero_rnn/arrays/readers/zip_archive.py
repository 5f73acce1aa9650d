"""The records of a zip, read strictly: no overlaps, no content larger than stated, no encryption.

Python's `zipfile` trusts the central directory: it builds as many entries as that lists, lets
records overlap (https://www.bamsoftware.com/hacks/zipbomb/; CVE-2024-0450) and fails in a dozen
ways on invalid input.  The few fields that matter here are read by hand instead.

Source:
    https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3 to 4.5.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, NamedTuple

from stepzero_rnn.arrays.readers.values import CHUNK_BYTES
from stepzero_rnn.arrays.records import FormatError, ReadLimits, require

MAGIC = b"PK\x03\x04"
EMPTY_MAGIC = b"PK\x05\x06"
STORED, DEFLATED = 0, 8

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_ENTRY = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")
_MAX_COMMENT_BYTES = (1 << 16) - 1
_LOCATOR = struct.Struct("<4sIQI")
_END_64 = struct.Struct("<4sQHHIIQQQQ")
_ENTRY_MAGIC, _LOCATOR_MAGIC, _END_64_MAGIC = b"PK\1\2", b"PK\6\7", b"PK\6\6"
_MAX_32 = 0xFFFFFFFF  # in a field: look in the zip64 field instead
_ZIP64_FIELD = 1
_UNREADABLE_FLAGS = 0x2041  # encrypted, strongly encrypted, masked
_MAX_NAME_BYTES = 512
_MAX_INFLATION = 1032  # deflate cannot do more: 258 bytes from 2 bits
_READ_BYTES = 64 << 10


class _Directory(NamedTuple):
    records: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Member:
    """One record: its name, compression method, sizes, checksum and offsets."""

    name: str
    method: int
    packed_bytes: int
    size_bytes: int
    crc32: int
    header: int
    offset: int = 0


def members(file: BinaryIO, size_bytes: int, bounds: ReadLimits) -> list[Member]:
    """Return the records of a zip of `size_bytes`.

    Raises:
        FormatError: the zip is invalid or inconsistent.
        LimitExceeded: it has too many records, or they unpack to too much.
    """
    directory = _directory(file, size_bytes)
    require("records", directory.records, bounds.arrays)
    require("bytes of directory", directory.size, bounds.header_bytes)
    entries = [*_entries(_read(file, directory.offset, directory.size), directory)]
    if len({member.name for member in entries}) < len(entries):
        raise FormatError("two of its records have the same name")
    require("bytes when unpacked", sum(member.size_bytes for member in entries), bounds.total_bytes)
    entries.sort(key=lambda member: member.header)
    placed = [_placed(file, member) for member in entries]
    ends = [0, *(member.offset + member.packed_bytes for member in placed)]
    starts = [*(member.header for member in placed), directory.offset]
    if any(end > start for end, start in zip(ends, starts, strict=True)):
        raise FormatError("its records overlap, as in a zip bomb")
    return placed


def content(file: BinaryIO, member: Member) -> Iterator[bytes]:
    """Yield a record's unpacked content in chunks, never more than its stated size.

    Raises:
        FormatError: its size or checksum is not as stated.
    """
    crc, total = 0, 0
    for piece in _inflated(file, member) if member.method else _stored(file, member):
        total += len(piece)
        if total > member.size_bytes:
            raise FormatError("it unpacks to more bytes than stated", name=member.name)
        crc = zlib.crc32(piece, crc)
        yield piece
    if total < member.size_bytes:
        raise FormatError("it unpacks to fewer bytes than stated", name=member.name)
    if crc != member.crc32:
        raise FormatError("its checksum does not match", name=member.name)


def beginning(file: BinaryIO, member: Member, max_bytes: int) -> bytes:
    """Return the first bytes of a record's content, without verifying its checksum.

    Raises:
        FormatError: it cannot be unpacked.
    """
    packed = _read(file, member.offset, min(member.packed_bytes, max_bytes))
    if member.method == STORED:
        return packed
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, max_bytes)
    except zlib.error as error:
        raise FormatError("it cannot be unpacked", name=member.name) from error


def _stored(file: BinaryIO, member: Member) -> Iterator[bytes]:
    for start in range(0, member.packed_bytes, CHUNK_BYTES):
        size = min(CHUNK_BYTES, member.packed_bytes - start)
        yield _read(file, member.offset + start, size)


def _inflated(file: BinaryIO, member: Member) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for start in range(0, member.packed_bytes, _READ_BYTES):
            size = min(_READ_BYTES, member.packed_bytes - start)
            packed = _read(file, member.offset + start, size)
            while packed:
                yield inflater.decompress(packed, CHUNK_BYTES)
                packed = inflater.unconsumed_tail
            if inflater.unused_data:
                break
        yield from _rest(inflater)
    except zlib.error as error:
        raise FormatError("it cannot be unpacked", name=member.name) from error
    if not inflater.eof or inflater.unused_data:
        raise FormatError("its compressed data ends early or late", name=member.name)


def _rest(inflater: zlib._Decompress) -> Iterator[bytes]:
    """Yield what the decompressor still holds after all input has been read."""
    while not inflater.eof and (piece := inflater.decompress(b"", CHUNK_BYTES)):
        yield piece


def _directory(file: BinaryIO, size_bytes: int) -> _Directory:
    """Locate the central directory from the end of the file."""
    at = _end(file, size_bytes)
    _, *fields, _ = _END.unpack(_read(file, at, _END.size))
    locator = _read(file, at - _LOCATOR.size, _LOCATOR.size) if at >= _LOCATOR.size else b""
    if locator.startswith(_LOCATOR_MAGIC):
        at -= _LOCATOR.size + _END_64.size
        signature, _, _, _, *fields = _END_64.unpack(_read(file, at, _END_64.size))
        if signature != _END_64_MAGIC or _LOCATOR.unpack(locator)[2] != at:
            raise FormatError("its end record is not where it is stated to be")
    disk, first_disk, here, records, size, offset = fields
    if disk or first_disk or here != records or offset + size != at:
        raise FormatError("its directory is not where it is stated to be")
    return _Directory(records, offset, size)


def _end(file: BinaryIO, size_bytes: int) -> int:
    """Return the offset of the end record, whose comment ends the file.

    A comment that could be read as an end record is refused: readers would disagree about what the
    file contains.
    """
    start = max(size_bytes - _END.size - _MAX_COMMENT_BYTES, 0)
    tail = _read(file, start, size_bytes - start)
    found = [
        start + match.start()
        for match in re.finditer(re.escape(EMPTY_MAGIC), tail)
        if len(tail) - match.start() >= _END.size
        and _END.unpack_from(tail, match.start())[-1] == len(tail) - match.start() - _END.size
    ]
    if len(found) != 1:
        raise FormatError("it does not end like a zip file, or it has two ends")
    return found[0]


def _entries(packed: bytes, directory: _Directory) -> Iterator[Member]:
    place = 0
    for _ in range(directory.records):
        if len(packed) < place + _ENTRY.size:
            raise FormatError("its directory ends early")
        fields = _ENTRY.unpack_from(packed, place)
        start = place + _ENTRY.size
        name, extra, place = (start + sum(fields[10:last]) for last in (11, 12, 13))
        if fields[0] != _ENTRY_MAGIC or place > len(packed):
            raise FormatError("its directory is not that of a zip")
        yield _member(_text(packed[start:name]), fields, packed[name:extra], directory)
    if place != len(packed):
        raise FormatError("its directory is longer than its records")


def _member(name: str, fields: tuple[Any, ...], extra: bytes, directory: _Directory) -> Member:
    flags, method, crc, packed_bytes, size_bytes = fields[3], fields[4], *fields[7:10]
    disk, header = fields[13], fields[16]
    if flags & _UNREADABLE_FLAGS:
        raise FormatError("it is encrypted", name=name)
    if method not in (STORED, DEFLATED) or disk:
        raise FormatError("its compression method is neither stored nor deflated", name=name)
    size_bytes, packed_bytes, header = _in_full([size_bytes, packed_bytes, header], extra, name)
    min_bytes = size_bytes if method == STORED else size_bytes // _MAX_INFLATION
    if packed_bytes < min_bytes or (method == STORED and packed_bytes > min_bytes):
        raise FormatError("it cannot unpack to the stated number of bytes", name=name)
    if header + packed_bytes > directory.offset:
        raise FormatError("its record is not where the directory says", name=name)
    return Member(name, method, packed_bytes, size_bytes, crc, header)


def _text(packed: bytes) -> str:
    if not 0 < len(packed) <= _MAX_NAME_BYTES:
        raise FormatError(f"a record's name has {len(packed)} bytes")
    try:
        return packed.decode()
    except UnicodeDecodeError as error:
        raise FormatError("a record's name is not UTF-8") from error


def _in_full(sizes: list[int], extra: bytes, name: str) -> list[int]:
    """Replace the sizes that do not fit in 32 bits by those of the zip64 field."""
    wide = [place for place, size in enumerate(sizes) if size == _MAX_32]
    start = 0  # of a field: thousands fit, so none is cut off
    while wide and len(extra) >= start + 4:
        field, length = struct.unpack_from("<HH", extra, start)
        start += 4
        if field == _ZIP64_FIELD and 8 * len(wide) <= min(length, len(extra) - start):
            for nth, place in enumerate(wide):
                (sizes[place],) = struct.unpack_from("<Q", extra, start + 8 * nth)
            return sizes
        start += length
    if wide:
        raise FormatError("its size is missing", name=name)
    return sizes


def _placed(file: BinaryIO, member: Member) -> Member:
    """Locate a record's content, whose offset only its own header determines."""
    fields = _LOCAL.unpack(_read(file, member.header, _LOCAL.size))
    signature, _, flags, method, name_bytes, extra_bytes = (*fields[:4], *fields[-2:])
    name = member.name.encode()
    if (
        signature != MAGIC
        or method != member.method
        or flags & _UNREADABLE_FLAGS
        or name_bytes != len(name)
        or _read(file, member.header + _LOCAL.size, name_bytes) != name
    ):
        raise FormatError("its record differs from the directory", name=member.name)
    offset = member.header + _LOCAL.size + name_bytes + extra_bytes
    return replace(member, offset=offset)


def _read(file: BinaryIO, offset: int, size: int) -> bytes:
    if offset < 0:
        raise FormatError("it is too short for a zip")
    file.seek(offset)
    content = file.read(size)
    if len(content) < size:
        raise FormatError("it ends early")
    return content
