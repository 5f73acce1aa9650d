"""File formats, as sequences of segments whose sizes follow from the plan alone.

Nothing here draws, or needs torch or NumPy: the length and the frame of a file are integers and
text.
"""

from __future__ import annotations

from collections.abc import Mapping

from stepzero_rnn.formats import bundle, npz, pt, safetensors
from stepzero_rnn.formats.format import Format
from stepzero_rnn.spec.checkpoint import FormatName

FORMATS: Mapping[FormatName, Format] = {
    "pt": Format("pt", "application/vnd.pytorch", "pt", pt.segments),
    "safetensors": Format(
        "safetensors", "application/vnd.safetensors", "safetensors", safetensors.segments
    ),
    "npz": Format(
        "npz",
        "application/vnd.numpy.npz",
        "npz",
        npz.segments,
        lacks={"bfloat16": "NumPy has no such type"},
    ),
    "bundle": Format(
        "bundle", "application/zip", "zip", bundle.segments, takes_a_pass=True, revision=2
    ),
}

__all__ = ["FORMATS", "Format"]
