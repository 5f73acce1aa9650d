"""File formats, as sequences of segments whose sizes follow from the plan alone.

Nothing here draws, or needs torch or NumPy: the length and the frame of a file are integers and
text.
"""

from __future__ import annotations

from collections.abc import Mapping

from stepzero_rnn.formats import bundle, flax, keras, mlx, npz, onnx, pt, safetensors
from stepzero_rnn.formats.format import Format
from stepzero_rnn.spec.checkpoint import FormatName

SAFETENSORS = "application/vnd.safetensors"

FORMATS: Mapping[FormatName, Format] = {
    "pt": Format("pt", "application/vnd.pytorch", "pt", pt.segments, is_sized_by_shape=True),
    "safetensors": Format(
        "safetensors", SAFETENSORS, "safetensors", safetensors.segments, is_sized_by_shape=True
    ),
    "npz": Format(
        "npz",
        "application/vnd.numpy.npz",
        "npz",
        npz.segments,
        lacks={"bfloat16": "NumPy has no such type"},
        is_sized_by_shape=True,
    ),
    "bundle": Format(
        "bundle", "application/zip", "zip", bundle.segments, takes_a_pass=True, revision=2
    ),
    "onnx": Format(
        "onnx",
        "application/vnd.onnx",
        "onnx",
        onnx.segments,
        cannot=onnx.why_not,
        warning=onnx.graph_warning,
        is_sized_by_shape=True,
    ),
    "onnx_data": Format(
        "onnx_data",
        "application/vnd.onnx.data",
        "onnx.data",
        onnx.data_segments,
        cannot=onnx.why_no_data,
        warning=onnx.warning,
        is_sized_by_shape=True,
    ),
    "onnx_zip": Format(
        "onnx_zip",
        "application/vnd.onnx+zip",
        "onnx.zip",
        onnx.zip_segments,
        cannot=onnx.why_not,
        warning=onnx.warning,
        is_sized_by_shape=True,
        takes_a_pass=True,
    ),
    "keras_weights": Format(
        "keras_weights",
        "application/x-hdf5",
        "weights.h5",
        keras.weights,
        cannot=keras.cannot,
        warning=keras.warning,
        is_sized_by_shape=True,
    ),
    "keras": Format(
        "keras",
        "application/zip",
        "keras",
        keras.model,
        cannot=keras.cannot,
        warning=keras.warning,
        is_sized_by_shape=True,
        takes_a_pass=True,
    ),
    "flax": Format(
        "flax",
        "application/vnd.msgpack",
        "msgpack",
        flax.packed,
        cannot=flax.cannot_pack,
        is_sized_by_shape=True,
    ),
    "flax_safetensors": Format(
        "flax_safetensors",
        SAFETENSORS,
        "flax.safetensors",
        flax.dotted,
        cannot=flax.cannot,
        is_sized_by_shape=True,
    ),
    "mlx": Format(
        "mlx",
        SAFETENSORS,
        "mlx.safetensors",
        mlx.segments,
        lacks={"float64": "MLX's reader of safetensors knows no float64"},
        cannot=mlx.cannot,
        is_sized_by_shape=True,
    ),
}

__all__ = ["FORMATS", "Format"]
