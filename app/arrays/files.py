"""Foreign files of arrays: recognised by their content, listed without reading a number, read in pieces."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from app.arrays import npy, safetensors, zipped
from app.arrays.records import Bounds, Upload, broken, shown
from app.arrays.values import Strided, Values
from app.errors import ArraysTooLarge, NotAnArrayFile

_HEAD_BYTES = npy.MOST_HEADER_BYTES + 12
_SAVE = "Save it with safetensors.torch.save_file(model.state_dict(), 'weights.safetensors')."
_SAVE_NUMPY = "Save its arrays with numpy.savez('weights.npz', **arrays)."


@dataclass(frozen=True, slots=True)
class Found:
    """An array in a file: what it is called and holds, and where its numbers lie.

    `offset` counts from the file's beginning or, in a zip, from its record's.
    """

    upload: Upload
    name: str
    values: Values
    shape: tuple[int, ...]
    fortran: bool
    offset: int
    member: zipped.Member | None = None

    @property
    def file(self) -> str:
        """The name of its file."""
        return self.upload.name

    @property
    def elements(self) -> Strided:
        """All its elements."""
        return Strided.whole(self.shape, fortran=self.fortran)

    @contextmanager
    def opened(self, scratch: Path) -> Iterator[tuple[BinaryIO, int]]:
        """Open it for reads at any place: gives a file and where in it the array begins.

        What is packed is unpacked into a nameless file in the folder `scratch`.

        Raises:
            InvalidArrays: it is broken.
        """
        with self.upload.path.open("rb") as file:
            if self.member is None:
                yield file, self.offset
                return
            with tempfile.TemporaryFile(dir=scratch) as unpacked:
                for piece in zipped.content(file, self.member, name=self.file):
                    unpacked.write(piece)
                unpacked.flush()
                yield unpacked, self.offset


def list_arrays(uploads: Sequence[Upload], bounds: Bounds) -> list[Found]:
    """List the arrays of all files.

    Raises:
        InvalidArrays: a file is broken or lies, or an array is not of floats.
        ArraysTooLarge: a bound is exceeded.
        NotAnArrayFile: a file is of another kind.
    """
    if len(uploads) > bounds.files:
        raise ArraysTooLarge(
            file=shown(uploads[0].name), what="files", given=len(uploads), limit=bounds.files
        )
    found: list[Found] = []
    room_bytes = bounds.total_bytes
    for upload in uploads:
        size = upload.path.stat().st_size
        if size > room_bytes:
            raise ArraysTooLarge(
                file=shown(upload.name), what="bytes", given=size, limit=room_bytes
            )
        room_bytes -= size
        found += _list(upload, size, bounds)
        if len(found) > bounds.arrays:
            raise ArraysTooLarge(
                file=shown(upload.name), what="arrays", given=len(found), limit=bounds.arrays
            )
    unpacked = sum(array.member.size_bytes for array in found if array.member)
    if unpacked > bounds.total_bytes:
        raise ArraysTooLarge(
            file=shown(uploads[0].name),
            what="bytes when unpacked",
            given=unpacked,
            limit=bounds.total_bytes,
        )
    return found


def _list(upload: Upload, size: int, bounds: Bounds) -> list[Found]:
    with upload.path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        if head.startswith(npy.MAGIC):
            return [_npy(upload, head, size)]
        if head.startswith((zipped.MAGIC, zipped.EMPTY_MAGIC)):
            return [*_npz(upload, file, size, bounds)]
        if safetensors.is_one(head):
            tensors = safetensors.read_header(file, size, name=upload.name, bounds=bounds)
            return [Found(upload, t.name, t.values, t.shape, False, t.offset) for t in tensors]
    raise _other(upload.name, head)


def _npy(upload: Upload, head: bytes, size: int) -> Found:
    name = upload.name.removesuffix(".npy")
    header = npy.read_header(head, file=upload.name, name=name)
    _check_end(header, size, upload.name, name)
    return Found(upload, name, header.values, header.shape, header.fortran, header.offset)


def _npz(upload: Upload, file: BinaryIO, size: int, bounds: Bounds) -> Iterator[Found]:
    members = zipped.members(file, size, name=upload.name, bounds=bounds)
    _refuse_other_zips(upload.name, {member.name for member in members})
    for member in members:
        name = member.name.removesuffix(".npy")
        head = zipped.beginning(file, member, _HEAD_BYTES, name=upload.name)
        if not head.startswith(npy.MAGIC):
            broken(upload.name, "this record is not a .npy file", member.name)
        header = npy.read_header(head, file=upload.name, name=name)
        _check_end(header, member.size_bytes, upload.name, name)
        yield Found(
            upload, name, header.values, header.shape, header.fortran, header.offset, member
        )


def _check_end(header: npy.Header, size: int, file: str, name: str) -> None:
    if header.end != size:
        broken(file, f"its header tells of {header.end} bytes in all, but there are {size}", name)


def _refuse_other_zips(file: str, names: set[str]) -> None:
    kind, instead = "", ""
    if any(name.endswith("data.pkl") for name in names):
        kind, instead = "a checkpoint of torch.save, which is pickled and never read here", _SAVE
    elif "config.json" in names and any(name.endswith(".h5") for name in names):
        kind, instead = "a Keras model", _KERAS
    if kind:
        raise NotAnArrayFile(file=shown(file), kind=kind, instead=instead)


_KERAS = (
    "Save its arrays with numpy.savez('weights.npz', **{w.path: w.numpy() for w in model.weights})."
)
_KINDS: tuple[tuple[bytes, str, str], ...] = (
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", _KERAS),
    (b"\x80\x02", "a pickle, which is never read here", _SAVE),
    (b"\x80\x03", "a pickle, which is never read here", _SAVE),
    (b"\x80\x04", "a pickle, which is never read here", _SAVE),
    (b"\x80\x05", "a pickle, which is never read here", _SAVE),
    (b"\x1f\x8b", "packed by gzip", "Unpack it first."),
    (b"\x93", "no .npy file that NumPy writes", _SAVE_NUMPY),
)


def _other(file: str, head: bytes) -> NotAnArrayFile:
    for magic, kind, instead in _KINDS:
        if head.startswith(magic):
            return NotAnArrayFile(file=shown(file), kind=kind, instead=instead)
    kind = "of no kind that is known here" if head else "empty"
    return NotAnArrayFile(
        file=shown(file), kind=kind, instead="Send .npy, .npz or .safetensors files."
    )
