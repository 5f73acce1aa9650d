"""The `.pt` file: byte for byte what `torch.save(state_dict, file)` of PyTorch 2.13 writes.

One record differs: torch's serialization id is a hash of the names and CRCs of the other records.
Here it is derived from the recipe, so it is known before drawing; `torch.load` ignores it.
"""

from __future__ import annotations

from stepzero_rnn.formats.pt_pickle import state_dict_pickle
from stepzero_rnn.formats.segments import Literal, Segment, TensorData
from stepzero_rnn.formats.stored_zip import NO_DATE, ZipEntry, stored_zip
from stepzero_rnn.plan import Plan
from stepzero_rnn.spec.canonical import recipe_digest
from stepzero_rnn.spec.checkpoint import Spec

ID_DIGITS = 40


def segments(plan: Plan) -> tuple[Segment, ...]:
    """Lay out a plan, with one record per tensor."""
    data = (
        ZipEntry(f"archive/data/{key}", (TensorData(tensor),))
        for key, tensor in enumerate(plan.tensors)
    )
    entries = (
        _record("data.pkl", state_dict_pickle(plan)),
        _record(".format_version", b"1"),
        _record(".storage_alignment", b"64"),
        _record("byteorder", b"little"),
        *data,
        _record("version", b"3\n"),
        _record(".data/serialization_id", serialization_id(plan.spec)),
    )
    return stored_zip(entries, date=NO_DATE)


def serialization_id(spec: Spec) -> bytes:
    """Return the 40 decimal digits that identify a recipe's file."""
    number = int.from_bytes(recipe_digest(spec), "big") % 10**ID_DIGITS
    return f"{number:0{ID_DIGITS}d}".encode()


def _record(name: str, data: bytes) -> ZipEntry:
    return ZipEntry(f"archive/{name}", (Literal(data),))
