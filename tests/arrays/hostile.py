"""A corpus of files that lie, break off or would do harm, made by code: what each is, its bytes,
and how it is refused.
"""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

NAME = "bias_ih_l0"  # 20 numbers, in the network that they are sent to
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Hostile:
    """A file's bytes, and the code it is refused with."""

    content: bytes
    code: str = "broken_file"


def npy(header: str | None = None, data: bytes | None = None, version: bytes = b"\1\0") -> bytes:
    """Write a `.npy` file with any header, by default that of the right array."""
    text = (header or described()).encode("latin-1")
    length = struct.pack("<H" if version == b"\1\0" else "<I", len(text))
    return b"\x93NUMPY" + version + length + text + (bytes(80) if data is None else data)


def described(shape: str = "(20,)", descr: str = "'<f4'", order: str = "False") -> str:
    """Write a header's text."""
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n"


def npz(*members: tuple[str, bytes], packed: bool = False) -> bytes:
    """Write a zip."""
    method = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", method) as file:
        for name, content in members:
            file.writestr(zipfile.ZipInfo(name), content, method)
    return written.getvalue()


GOOD = npz((f"{NAME}.npy", npy()))
GOOD_PACKED = npz((f"{NAME}.npy", npy()), packed=True)


def patched(content: bytes, place: int, replacement: bytes) -> bytes:
    """Overwrite some bytes, counted from the end where `place` is negative."""
    start = place % len(content)
    return content[:start] + replacement + content[start + len(replacement) :]


def entry_patched(content: bytes, place: int, replacement: bytes) -> bytes:
    """Overwrite some bytes of the first entry of a zip's directory."""
    return patched(content, content.index(b"PK\1\2") + place, replacement)


def safetensors(header: Any, data: bytes = bytes(80), length: int | None = None) -> bytes:
    """Write a `.safetensors` file with any header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(dtype: Any = "F32", shape: Any = (20,), offsets: Any = (0, 80)) -> dict[str, Any]:
    """Describe one tensor."""
    return {NAME: {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


def bomb() -> bytes:
    """Pack a gigabyte of zeros into a megabyte, honestly described."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = npy(described(f"({GIB // 4},)"), b"")
    zeros = bytes(1 << 20)
    crc, packed = zlib.crc32(head), packer.compress(head)
    for _ in range(1024):
        crc, packed = zlib.crc32(zeros, crc), packed + packer.compress(zeros)
    return single(f"{NAME}.npy", packed + packer.flush(), GIB + len(head), crc)


def single(name: str, packed: bytes, size: int, crc: int, method: int = 8) -> bytes:
    """Write a zip of one record, all of whose fields are free."""
    own = name.encode()
    fields = (method, 0, 33, crc, len(packed), size, len(own), 0)
    local = struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, 0, *fields) + own + packed
    entry = struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\1\2", 20, 20, 0, *fields, 0, 0, 0, 0, 0) + own
    return (
        local + entry + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 1, 1, len(entry), len(local), 0)
    )


def far() -> bytes:
    """Return a record's place as 2⁶⁴ − 1, by the zip64 field."""
    start, wide = GOOD.index(b"PK\1\2"), struct.pack("<HHQ", 1, 8, 2**64 - 1)
    entry = patched(GOOD[start:-22], 42, b"\xff" * 4)
    entry = patched(entry, 30, struct.pack("<H", len(wide))) + wide
    return (
        GOOD[:start]
        + entry
        + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 1, 1, len(entry), start, 0)
    )


def packed(content: bytes) -> bytes:
    """Deflate."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


def ended(records: bytes, entries: bytes, count: int) -> bytes:
    """Put a directory behind records."""
    fields = (b"PK\5\6", 0, 0, count, count, len(entries), len(records), 0)
    return records + entries + struct.pack("<4sHHHHIIH", *fields)


def halves(times: int) -> tuple[bytes, bytes]:
    """Return the records of a good zip, and its directory some times over."""
    start = GOOD.index(b"PK\1\2")
    return GOOD[:start], GOOD[start:-22] * times


def quoting() -> bytes:
    """Let one record's content be another record, as the zip bombs do that unpack to petabytes."""
    inner = GOOD[: GOOD.index(b"PK\1\2")]
    outer = npz(("weight_hh_l0.npy", inner))
    start = outer.index(b"PK\1\2")
    entry = entry_patched(GOOD, 42, struct.pack("<I", outer.index(inner)))[len(inner) : -22]
    return ended(outer[:start], outer[start:-22] + entry, 2)


def noise_behind_a_header() -> bytes:
    """Pack a good header, and let what follows be no deflate."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = packer.compress(npy(data=b"")) + packer.flush(zlib.Z_FULL_FLUSH)
    return single(f"{NAME}.npy", head + b"\xff" * 50, len(npy()), 0)


def zip64(magic: bytes = b"PK\6\6", elsewhere: int = 0, field: int = 1) -> bytes:
    """Write all sizes and places of a good zip in the fields that have room for any."""
    start = GOOD.index(b"PK\1\2")
    sizes = struct.pack("<HH2xHHQQQ", 9, 2, field, 24, len(npy()), len(npy()), 0)
    entry = patched(GOOD[start:-22], 20, b"\xff" * 8)
    entry = patched(patched(entry, 42, b"\xff" * 4), 30, struct.pack("<H", len(sizes))) + sizes
    at = start + len(entry)
    end = struct.pack("<4sQHHIIQQQQ", magic, 44, 45, 45, 0, 0, 1, 1, len(entry), start)
    end += struct.pack("<4sIQI", b"PK\6\7", 0, at + elsewhere, 1)
    end += struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, *[0xFFFF] * 2, *[2**32 - 1] * 2, 0)
    return GOOD[:start] + entry + end


def overlapping() -> bytes:
    """Let many entries share one record, as zip bombs do."""
    one = npz((f"{NAME}.npy", npy()), packed=True)
    start = one.index(b"PK\1\2")
    entry, own = one[start:-22], NAME.encode()
    entries = b"".join(entry.replace(own, own[:-2] + b"%02d" % n) for n in range(20))
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 20, 20, len(entries), start, 0)
    return one[:start] + entries + end


class Gadget:
    """What would run, if it were unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("raise SystemExit('unpickled')",))


def pickled_array() -> bytes:
    """Write an array of objects, as NumPy does."""
    written = io.BytesIO()
    np.save(written, np.array([Gadget()] * 20, object), allow_pickle=True)
    return written.getvalue()


def torch_file() -> bytes:
    """Write what has the shape of a checkpoint of torch.save."""
    return npz(("archive/data.pkl", pickle.dumps(Gadget())), ("archive/data/0", bytes(80)))


NOT_FLOATS: Mapping[str, str] = {
    "integers": "'<i4'",
    "unsigned integers": "'|u1'",
    "booleans": "'|b1'",
    "complex numbers": "'<c8'",
    "text": "'<U5'",
    "bytes": "'|S4'",
    "dates": "'<M8[s]'",
    "objects": "'|O'",
    "void": "'|V2'",
    "long doubles": "'<f16'",
    "records": "[('a', '<f4'), ('b', '<f4')]",
    "no type": "''",
    "a swapped object": "'>O'",
}

BROKEN_HEADERS: Mapping[str, str] = {
    "code": "__import__('os').system('false')",
    "a call in the shape": described("(int('20'),)"),
    "a sum in the shape": described("(10+10,)"),
    "a negative length": described("(-20,)"),
    "a length of 4 300 digits": described(f"({'9' * 3000},)"),
    "a true length": described("(True,)"),
    "a float length": described("(20.0,)"),
    "an empty length": described("(,,)"),
    "a list for a shape": described("[20]"),
    "text for a shape": described("'(20,)'"),
    "a number for an order": described(order="0"),
    "nine axes": described("(20, 1, 1, 1, 1, 1, 1, 1, 1)"),
    "a huge product": described("(99999999999999, 99999999999999)"),
    "a field twice": described() * 1 + described(),
    "a repeated shape": "{'descr': '<f4', 'shape': (20,), 'shape': (20,), 'fortran_order': False}",
    "a field too few": "{'descr': '<f4', 'shape': (20,)}",
    "a field too many": "{'descr': '<f4', 'fortran_order': False, 'shape': (20,), 'x': 1}",
    "no braces": described().strip()[1:-1],
    "nothing but a space": " ",
    "deep brackets": "(" * 4000,
    "many minuses": "-" * 4000 + "1",
    "zeros within": "{'descr': '<f4'\0, 'fortran_order': False, 'shape': (20,)}",
    "a header too long": described() + " " * 9000,
}

SAFETENSORS_HEADERS: Mapping[str, Any] = {
    "no JSON": b"{]",
    "no UTF-8": b'{"\xff": 1}',
    "a list": b"{" + b"}" + b"[]",
    "a key twice": json.dumps(tensor()).encode()[:-1] + b"," + json.dumps(tensor()).encode()[1:],
    "deep nesting": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "NaN": b'{"a": NaN}',
    "a number for a tensor": {NAME: 1},
    "no offsets": {NAME: {"dtype": "F32", "shape": [20]}},
    "three offsets": tensor(offsets=[0, 40, 80]),
    "a negative offset": tensor(offsets=[-80, 0]),
    "turned offsets": tensor(offsets=[80, 0]),
    "offsets beyond the file": tensor(shape=[GIB], offsets=[0, 4 * GIB]),
    "a gap before": tensor(shape=[19], offsets=[4, 80]),
    "bytes left over": tensor(shape=[19], offsets=[0, 76]),
    "offsets other than the shape's": tensor(shape=[19]),
    "a huge shape": tensor(shape=[2**40, 2**40]),
    "a shape of a million axes": tensor(shape=[9] * 100_000),
    "a float shape": tensor(shape=[20.0]),
    "a true shape": tensor(shape=[True]),
    "a shape of text": tensor(shape=["20"]),
    "an endless integer": b'{"a": {"dtype": "F32", "shape": [' + b"9" * 10_000 + b"]}}",
    "overlapping tensors": {**tensor(), "bias_hh_l0": tensor()[NAME]},
    "a field too many": {NAME: {**tensor()[NAME], "x": 1}},
}

HOSTILE: Mapping[str, Hostile] = {
    "nothing": Hostile(b"", "not_an_array_file"),
    "text": Hostile(b"hello, world", "not_an_array_file"),
    "a pickle": Hostile(pickle.dumps(Gadget()), "not_an_array_file"),
    "a pickle of protocol 0": Hostile(pickle.dumps(Gadget(), 0), "not_an_array_file"),
    "a checkpoint of torch.save": Hostile(torch_file(), "not_an_array_file"),
    "an HDF5 file": Hostile(b"\x89HDF\r\n\x1a\n" + bytes(500)),
    "an ONNX file cut short": Hostile(b"\x08\x08\x12\x07pytorch:\xff\xff\x03\x0a"),
    "gzip": Hostile(b"\x1f\x8b\x08" + bytes(50), "not_an_array_file"),
    "an array of objects": Hostile(pickled_array(), "not_floats"),
    "a magic alone": Hostile(b"\x93NUMPY"),
    "a magic cut short": Hostile(b"\x93NUM", "not_an_array_file"),
    "version 9": Hostile(npy(version=b"\x09\0")),
    "a header of 4 GB": Hostile(b"\x93NUMPY\2\0\xff\xff\xff\xff" + bytes(500)),
    "a header cut short": Hostile(npy()[:40]),
    "4 GB in 1 KB": Hostile(npy(described("(1073741824,)"), bytes(1000))),
    "one byte too few": Hostile(npy()[:-1]),
    "one byte too many": Hostile(npy() + b"\0"),
    "two arrays in one file": Hostile(npy() + npy()),
    **{
        f"{name} in .npy": Hostile(npy(described(descr=d)), "not_floats")
        for name, d in NOT_FLOATS.items()
    },
    **{f"{name} in a header": Hostile(npy(text)) for name, text in BROKEN_HEADERS.items()},
    "a zip of nothing": Hostile(npz(), "no_arrays"),
    "a zip cut short": Hostile(GOOD[:-30]),
    "a zip that ends in the midst of its comment": Hostile(patched(GOOD, -2, b"\5\0") + b"note"),
    "a zip whose comment is another zip's end": Hostile(
        patched(GOOD, -2, b"\x16\0") + b"PK\5\6" + bytes(18)
    ),
    "a zip behind other bytes": Hostile(b"PK\3\4" + bytes(60) + GOOD),
    "an end alone": Hostile(b"PK\5\6" + bytes(18), "no_arrays"),
    "an end that counts 65535": Hostile(
        b"PK\5\6" + bytes(4) + b"\xff\xff\xff\xff" + bytes(10), "arrays_too_large"
    ),
    "an end in two minds": Hostile(patched(GOOD, -14, b"\2\0")),
    "a directory elsewhere": Hostile(patched(GOOD, -6, struct.pack("<I", 5))),
    "a directory of one entry that says two": Hostile(patched(GOOD, -14, b"\2\0\2\0")),
    "a record elsewhere": Hostile(entry_patched(GOOD, 42, struct.pack("<I", 9999))),
    "a record beyond all files": Hostile(far()),
    "a record that lies in the directory": Hostile(
        entry_patched(GOOD, 42, struct.pack("<I", GOOD.index(b"PK\1\2")))
    ),
    "a record's other name": Hostile(patched(GOOD, GOOD.index(NAME.encode()), b"X")),
    "a record's other method": Hostile(patched(GOOD, 8, b"\x08\0")),
    "an encrypted record": Hostile(entry_patched(GOOD, 8, b"\1\0")),
    "a record packed by lzma": Hostile(entry_patched(GOOD, 10, b"\x0e\0")),
    "a stored record of other sizes": Hostile(entry_patched(GOOD, 24, struct.pack("<I", GIB))),
    "a record larger than deflate can": Hostile(
        entry_patched(GOOD_PACKED, 24, struct.pack("<I", GIB))
    ),
    "a record that says too little": Hostile(
        entry_patched(GOOD_PACKED, 24, struct.pack("<I", 100))
    ),
    "a record without its zip64 field": Hostile(entry_patched(GOOD, 20, b"\xff" * 8)),
    "a record of another checksum": Hostile(entry_patched(GOOD, 16, b"abcd")),
    "a packed record of another checksum": Hostile(entry_patched(GOOD_PACKED, 16, b"abcd")),
    "a packed record that ends early": Hostile(
        single(f"{NAME}.npy", packed(npy())[:-3], len(npy()), zlib.crc32(npy()))
    ),
    "a packed record that goes on": Hostile(
        single(f"{NAME}.npy", packed(npy()) + b"more", len(npy()), zlib.crc32(npy()))
    ),
    "a packed record that unpacks to more": Hostile(
        single(f"{NAME}.npy", packed(npy() + bytes(10**6)), len(npy()), zlib.crc32(npy()))
    ),
    "a packed record of noise": Hostile(single(f"{NAME}.npy", b"\xff" * 90, len(npy()), 0)),
    "a record that is no array": Hostile(npz(("readme.txt", b"hello"))),
    "a zip within a zip": Hostile(npz(("inner.npz", GOOD))),
    "a record of Python objects": Hostile(npz((f"{NAME}.npy", pickled_array())), "not_floats"),
    "records that share one content": Hostile(overlapping()),
    "a record within a record": Hostile(quoting()),
    "two records of one name": Hostile(ended(*halves(2), 2)),
    "a zip64 end elsewhere": Hostile(zip64(elsewhere=1)),
    "a zip64 end of another kind": Hostile(zip64(b"PK\6\5")),
    "a zip64 field of another kind": Hostile(zip64(field=7)),
    "an entry that is none": Hostile(entry_patched(GOOD, 0, b"PK\1\3")),
    "a directory of more entries than it says": Hostile(
        patched(ended(*halves(2), 2), -14, b"\1\0\1\0")
    ),
    "a record whose name has no end": Hostile(patched(GOOD, 26, b"\xff\xff")),
    "a packed record that unpacks to less": Hostile(
        single(f"{NAME}.npy", packed(npy()[:-4]), len(npy()), zlib.crc32(npy()[:-4]))
    ),
    "a packed record that becomes noise": Hostile(noise_behind_a_header()),
    "a Keras model": Hostile(npz(("config.json", b"{}"), ("model.weights.h5", b""))),
    "a name that is no UTF-8": Hostile(GOOD.replace(NAME.encode(), b"\xff" * len(NAME))),
    "a name of a kilobyte": Hostile(npz(("a" * 1000 + ".npy", npy()))),
    "a name that climbs": Hostile(npz(("../../etc/passwd.npy", npy())), "unknown_array"),
    "a name that steers a terminal": Hostile(npz(("\x1b[2J.npy", npy())), "unknown_array"),
    "a name of one record and a half": Hostile(
        npz((f"{NAME}.npy", npy()), (NAME, npy())), "given_twice"
    ),
    "a bomb of zeros": Hostile(bomb(), "shape_mismatch"),
    "a safetensors header of 4 GB": Hostile(safetensors(tensor(), length=2**32 - 1)),
    "a safetensors header of 3 MB": Hostile(
        safetensors(b"{" + b" " * 3_000_000 + b"}"), "arrays_too_large"
    ),
    "a safetensors header of no length": Hostile(struct.pack("<Q", 0) + b"{" + bytes(80)),
    **{
        f"{name} in .safetensors": Hostile(safetensors(h))
        for name, h in SAFETENSORS_HEADERS.items()
    },
    **{
        f"{dtype!r} in .safetensors": Hostile(safetensors(tensor(dtype)), "not_floats")
        for dtype in ("I32", "BOOL", "F8_E4M3", "C64", "f32", 7, None, ["F32"])
    },
}
