"""Uploaded array files: recognised by their content, listed from their headers, read in chunks."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from stepzero_rnn.arrays.readers import npy, safetensors
from stepzero_rnn.arrays.readers import zip_archive as zipped
from stepzero_rnn.arrays.readers.values import Strided, Values, straightened_bytes, write_sparsely
from stepzero_rnn.arrays.records import (
    FormatError,
    LimitExceeded,
    ReadLimits,
    Upload,
    Watch,
    field_error,
    printable,
    require,
)
from stepzero_rnn.errors import ARRAY_FILES, ArraysTooLarge, InvalidArrays, NotAnArrayFile

_HEAD_BYTES = npy.MAX_HEADER_BYTES + 12
_SAVE = "Save it with safetensors.torch.save_file(model.state_dict(), 'weights.safetensors')."
_CONVERT = (
    "Convert it with `state = torch.load('model.pt', weights_only=True)` and "
    "`safetensors.torch.save_file(state, 'weights.safetensors')`."
)
_SAVE_NUMPY = "Save its arrays with numpy.savez('weights.npz', **arrays)."


@dataclass(frozen=True, slots=True)
class Found:
    """An array in a file: its name and type, and where its values are.

    `offset` counts from the beginning of the file or, in a zip, of its record.  `error_in_format`
    is the reason if the values cannot be read.
    """

    upload: Upload
    name: str
    values: Values
    shape: tuple[int, ...]
    fortran: bool
    offset: int
    member: zipped.Member | None = None
    error_in_format: FormatError | None = None

    @property
    def file(self) -> str:
        return self.upload.name

    @property
    def elements(self) -> Strided:
        return Strided.whole(self.shape, fortran=self.fortran)

    def scratch_bytes(self, part: Strided) -> int:
        """Return the disk space that reading a part takes, to unpack the array and to transpose."""
        unpacked_bytes = self.member.size_bytes if self.member else 0
        return unpacked_bytes + straightened_bytes(self.values, part)

    @contextmanager
    def opened(self, scratch: Path, watch: Watch) -> Iterator[tuple[BinaryIO, int]]:
        """Open the array for random access: yield a file and the array's offset in it.

        A compressed array is unpacked into an unnamed temporary file in the folder `scratch`.

        Raises:
            InvalidArrays: it is corrupt.
        """
        with self.upload.path.open("rb") as file:
            if self.member is None:
                yield file, self.offset
                return
            with tempfile.TemporaryFile(dir=scratch) as unpacked:
                with as_upload_errors(self.file):
                    for piece in zipped.content(file, self.member):
                        watch.go_on()
                        write_sparsely(unpacked, piece)
                unpacked.truncate(unpacked.tell())
                unpacked.flush()
                yield unpacked, self.offset


def list_arrays(uploads: Sequence[Upload], bounds: ReadLimits) -> list[Found]:
    """List the arrays of all files.

    Raises:
        InvalidArrays: a file is corrupt or inconsistent.
        ArraysTooLarge: a bound is exceeded.
        NotAnArrayFile: a file has an unsupported format.
    """
    arrays: list[Found] = []
    size_bytes = unpacked_bytes = 0
    for number, upload in enumerate(uploads, 1):
        with as_upload_errors(upload.name):
            size = upload.path.stat().st_size
            size_bytes += size
            require("files", number, bounds.files)
            require("bytes", size_bytes, bounds.total_bytes)
            listed = _list(upload, size, bounds)
            arrays += listed
            unpacked_bytes += sum(array.member.size_bytes for array in listed if array.member)
            require("arrays", len(arrays), bounds.arrays)
            require("bytes when unpacked", unpacked_bytes, bounds.total_bytes)
    return arrays


@contextmanager
def as_upload_errors(file: str) -> Iterator[None]:
    """Convert a reader's exceptions into errors that name the file."""
    try:
        yield
    except FormatError as error_in_format:
        raise InvalidArrays(
            [
                field_error(
                    error_in_format.code,
                    error_in_format.detail,
                    file=file,
                    name=error_in_format.name,
                    **error_in_format.facts,
                )
            ]
        ) from error_in_format
    except LimitExceeded as excess:
        raise ArraysTooLarge(
            file=printable(file), what=excess.what, given=excess.given, limit=excess.limit
        ) from excess


def _list(upload: Upload, size: int, bounds: ReadLimits) -> list[Found]:
    with upload.path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        if head.startswith(npy.MAGIC):
            name = upload.name.removesuffix(".npy")
            return [_npy(upload, name, head, size)]
        if head.startswith((zipped.MAGIC, zipped.EMPTY_MAGIC)):
            return [*_npz(upload, file, size, bounds)]
        if safetensors.is_one(head):
            return _safetensors(upload, file, size, bounds)
    raise _other(upload.name, head)


def _safetensors(upload: Upload, file: BinaryIO, size: int, bounds: ReadLimits) -> list[Found]:
    faults = {name: FormatError(detail, code=code) for name, code, detail in upload.faults}
    return [
        Found(
            upload,
            t.name,
            t.values,
            t.shape,
            False,
            t.offset,
            error_in_format=faults.get(t.name, t.error_in_format),
        )
        for t in safetensors.read_header(file, size, bounds)
    ]


def _npy(
    upload: Upload, name: str, head: bytes, size: int, member: zipped.Member | None = None
) -> Found:
    """Describe the array of a `.npy` file, or of such a record, of `size` bytes."""
    try:
        header = npy.read_header(head)
    except FormatError as error_in_format:
        error_in_format.name = name
        raise
    if header.error_in_format is None and header.end != size:
        detail = f"its header specifies {header.end} bytes in total, but there are {size}"
        raise FormatError(detail, name=name)
    return Found(
        upload,
        name,
        header.values,
        header.shape,
        header.fortran,
        header.offset,
        member,
        header.error_in_format,
    )


def _npz(upload: Upload, file: BinaryIO, size: int, bounds: ReadLimits) -> Iterator[Found]:
    members = zipped.members(file, size, bounds)
    _refuse_other_zips(upload.name, {member.name for member in members})
    for member in members:
        name = member.name.removesuffix(".npy")
        head = zipped.beginning(file, member, _HEAD_BYTES)
        if not head.startswith(npy.MAGIC):
            raise FormatError("this record is not a .npy file", name=member.name)
        yield _npy(upload, name, head, member.size_bytes, member)


def _refuse_other_zips(file: str, names: set[str]) -> None:
    if any(name.endswith("data.pkl") for name in names):
        kind = "a torch.save checkpoint, which is a pickle and never read here"
        raise NotAnArrayFile(file=printable(file), kind=kind, instead=_CONVERT)


_KINDS: tuple[tuple[bytes, str, str], ...] = (
    (b"\x80\x02", "a pickle, which is never read here", _SAVE),
    (b"\x80\x03", "a pickle, which is never read here", _SAVE),
    (b"\x80\x04", "a pickle, which is never read here", _SAVE),
    (b"\x80\x05", "a pickle, which is never read here", _SAVE),
    (b"\x1f\x8b", "compressed with gzip", "Decompress it first."),
    (b"\x93", "not a .npy file that NumPy writes", _SAVE_NUMPY),
)


def _other(file: str, head: bytes) -> NotAnArrayFile:
    for magic, kind, instead in _KINDS:
        if head.startswith(magic):
            return NotAnArrayFile(file=printable(file), kind=kind, instead=instead)
    kind = "of an unknown kind" if head else "empty"
    return NotAnArrayFile(
        file=printable(file), kind=kind, instead=f"Send {', '.join(ARRAY_FILES)} files."
    )
