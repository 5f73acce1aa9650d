"""The `.npz` file: a stored zip of `.npy` files, one for each tensor, as `numpy.savez` makes it.

The recipe is the zip's comment: an entry of its own would be listed among the arrays, and then
`dict(numpy.load(path))` would no longer be the `state_dict`.
"""

from __future__ import annotations

from stepzero_rnn.formats.origin import origin_json
from stepzero_rnn.formats.segments import Literal, Segment, TensorData
from stepzero_rnn.formats.stored_zip import Entry, stored_zip
from stepzero_rnn.plan import Plan, TensorPlan

_MAGIC = b"\x93NUMPY\x01\x00"
_ALIGNMENT_BYTES = 64
_GROWTH_DIGITS = 21  # room that numpy leaves to lengthen the first axis in place


def segments(plan: Plan) -> tuple[Segment, ...]:
    """Lay out a plan of a dtype that NumPy has."""
    entries = (
        Entry(f"{tensor.name}.npy", (Literal(_header(tensor)), TensorData(tensor)))
        for tensor in plan.tensors
    )
    return stored_zip(entries, comment=origin_json(plan.spec).encode("ascii"))


def _header(tensor: TensorPlan) -> bytes:
    """Write a `.npy` header of version 1.0, as `numpy.lib.format` does."""
    text = f"{{'descr': '{tensor.dtype.npy}', 'fortran_order': False, 'shape': {tensor.shape}, }}"
    text += " " * (_GROWTH_DIGITS - len(str(tensor.shape[0])))
    unpadded = len(_MAGIC) + 2 + len(text) + 1
    # numpy never pads by nothing: an aligned header gets 64 spaces more.
    text += " " * (_ALIGNMENT_BYTES - unpadded % _ALIGNMENT_BYTES) + "\n"
    return _MAGIC + len(text).to_bytes(2, "little") + text.encode("ascii")
