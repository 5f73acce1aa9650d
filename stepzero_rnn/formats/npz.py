"""The `.npz` file: a stored zip of `.npy` files, one for each tensor, as `numpy.savez` writes it.

The recipe is the zip's comment: as a separate entry it would be listed among the arrays, and
`dict(numpy.load(path))` would no longer be the `state_dict`.
"""

from __future__ import annotations

from stepzero_rnn.formats.origin import origin_json
from stepzero_rnn.formats.segments import Literal, Segment, TensorData
from stepzero_rnn.formats.stored_zip import ZipEntry, stored_zip
from stepzero_rnn.plan import Plan, TensorPlan

_MAGIC = b"\x93NUMPY\x01\x00"
_ALIGNMENT_BYTES = 64
_GROWTH_DIGITS = 21  # space that numpy leaves for a longer first axis


def segments(plan: Plan) -> tuple[Segment, ...]:
    """Lay out a plan with a dtype that NumPy supports."""
    entries = (
        ZipEntry(f"{tensor.name}.npy", (Literal(_header(tensor)), TensorData(tensor)))
        for tensor in plan.tensors
    )
    return stored_zip(entries, comment=origin_json(plan.spec).encode("ascii"))


def _header(tensor: TensorPlan) -> bytes:
    """Return a `.npy` header of version 1.0, as `numpy.lib.format` writes it."""
    text = f"{{'descr': '{tensor.dtype.npy}', 'fortran_order': False, 'shape': {tensor.shape}, }}"
    text += " " * (_GROWTH_DIGITS - len(str(tensor.shape[0])))
    unpadded = len(_MAGIC) + 2 + len(text) + 1
    # numpy pads even an aligned header, by 64 spaces.
    text += " " * (_ALIGNMENT_BYTES - unpadded % _ALIGNMENT_BYTES) + "\n"
    return _MAGIC + len(text).to_bytes(2, "little") + text.encode("ascii")
