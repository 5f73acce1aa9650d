"""The header of a `.npy` file, read without evaluating it.

Source:
    https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.  NumPy's own reader
    passes the header to `ast.literal_eval`, and trusts its shape before it has seen the data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from stepzero_rnn.arrays.readers.values import BITS, INTEGERS, QUANTIZED, UNREAD, Values
from stepzero_rnn.arrays.records import FormatError

MAGIC = b"\x93NUMPY"
MAX_HEADER_BYTES = 4096  # NumPy writes 128 for an array of floats
MAX_AXES = 8
MAX_LENGTH = 1 << 48

_LENGTH_BYTES = {(1, 0): 2, (2, 0): 4, (3, 0): 4}
_FIELD = re.compile(
    r"""\s*(?P<q>['"])(?P<key>descr|fortran_order|shape)(?P=q)\s*:\s*"""
    r"""(?:(?P<d>['"])(?P<text>[^'"]*)(?P=d)|(?P<flag>True|False)|\((?P<tuple>[0-9L,\s]*)\))\s*(?:,|$)"""
)
_STRUCTURED = re.compile(r"""['"]descr['"]\s*:\s*\[""")
_VALUES: Mapping[str, Values] = {
    "<f2": Values("float16", "<f2"),
    ">f2": Values("float16", ">f2"),
    "<f4": Values("float32", "<f4"),
    ">f4": Values("float32", ">f4"),
    "<f8": Values("float64", "<f8"),
    ">f8": Values("float64", ">f8"),
}
_RAW_BYTES = (
    "raw bytes, as NumPy writes bfloat16 and float8",
    f"save bfloat16 as .safetensors; of float8, {QUANTIZED}",
)
_INSTEAD: Mapping[str, tuple[str, str]] = {
    "O": ("Python objects, which are pickles and never read here", "save arrays of floats"),
    "V": _RAW_BYTES,
    "b": ("booleans", "a mask is not a weight: send the weights themselves"),
    "c": ("complex numbers", "PyTorch's networks have real weights"),
    "f": ("a float type that PyTorch lacks", "use .astype(np.float64)"),
    "i": ("integers", INTEGERS),
    "u": ("integers", INTEGERS),
    "u2": ("integers of 16 bits", BITS),
    "i2": ("integers of 16 bits", BITS),
    "[": ("records of several fields", "save each field as a separate array"),
}


@dataclass(frozen=True, slots=True)
class Header:
    """The fields of a header: element type, shape, order of axes, and the offset of the values.

    If the values are not floats, `error_in_format` says what they are, and they are not read.
    """

    values: Values
    shape: tuple[int, ...]
    fortran: bool
    offset: int
    error_in_format: FormatError | None = None

    @property
    def end(self) -> int:
        """The required length of the file."""
        return self.offset + prod(self.shape) * self.values.item_bytes


def read_header(head: bytes) -> Header:
    """Read the header at the beginning of a file.

    Args:
        head: the first bytes, at least `MAX_HEADER_BYTES + 12` if there are as many.

    Raises:
        FormatError: it is invalid.
    """
    length_bytes = _LENGTH_BYTES.get((head[6], head[7]) if len(head) > 7 else (0, 0))
    if length_bytes is None:
        raise FormatError("its version of .npy is unknown")
    start = 8 + length_bytes
    length = int.from_bytes(head[8:start], "little")
    if length > MAX_HEADER_BYTES:
        raise FormatError(f"its header of {length} bytes is too long for an array of floats")
    text = head[start : start + length].decode("latin-1")
    if len(text) < length:
        raise FormatError("it ends within its header")
    if _STRUCTURED.search(text):
        return Header(UNREAD, (), False, start + length, _no_floats("[", "records"))
    fields = _fields(text.strip())
    shape, descr = _shape(fields["shape"]), fields["descr"]
    error_in_format = None if descr in _VALUES else _no_floats(descr.lstrip("<>=|"), descr)
    values = _VALUES.get(descr, UNREAD)
    return Header(values, shape, fields["fortran_order"] == "True", start + length, error_in_format)


def _fields(text: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    place, end = 1, len(text) - 1
    while text[place:end].strip():
        match = _FIELD.match(text, place, end)
        if match is None or match["key"] in fields:
            raise FormatError("its header is not one that NumPy writes")
        kind = {"descr": "text", "fortran_order": "flag", "shape": "tuple"}[match["key"]]
        if match[kind] is None:
            raise FormatError(f"its header's {match['key']} has the wrong type")
        fields[match["key"]] = match[kind]
        place = match.end()
    if len(fields) != 3 or text[:1] + text[-1:] != "{}":
        raise FormatError("its header lacks a field")
    return fields


def _shape(text: str) -> tuple[int, ...]:
    lengths = [part.strip().removesuffix("L") for part in text.split(",")]
    if lengths[-1] == "":
        lengths.pop()
    if not all(length.isdecimal() and len(length) < 16 for length in lengths):
        raise FormatError("its header's shape is not a tuple of lengths")
    return check_shape([int(length) for length in lengths])


def check_shape(lengths: list[int], name: str | None = None) -> tuple[int, ...]:
    """Reject shapes that are too large, so that their product is cheap to compute."""
    if len(lengths) > MAX_AXES or any(not 0 <= length <= MAX_LENGTH for length in lengths):
        raise FormatError("its shape is too large", name=name)
    return tuple(lengths)


def _no_floats(kind: str, descr: str) -> FormatError:
    what, instead = _INSTEAD.get(kind) or _INSTEAD.get(
        kind[:1], ("values that are not numbers", "send floats")
    )
    return FormatError(
        f"it holds {what}; {instead}",
        code="not_floats",
        given=descr[:40],
        allowed=["float16", "float32", "float64"],
    )
