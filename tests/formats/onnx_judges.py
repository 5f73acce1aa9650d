"""What an ONNX file computes, by ONNX Runtime or else ONNX's interpreter, beside torch's module."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import onnx.reference
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx.reference.ops.op_rnn import RNN_7

import stepzero_rnn
from stepzero_rnn.spec.checkpoint import Spec

IN_RUNTIME = ("float32", "float16")  # the dtypes that ONNX Runtime has on a CPU
SEQUENCES = ((5, 2), (9, 3))  # time steps, batch


class RNN(RNN_7):  # type: ignore[misc]  # which is not typed
    """The interpreter's operator, which lacks ONNX's `Relu`."""

    def choose_act(self, name: str, alpha: float | None, beta: float | None) -> Any:
        """Return an activation by its name."""
        if name == "Relu":
            return lambda values: np.maximum(values, 0)
        return super().choose_act(name, alpha, beta)


def difference_to_torch(spec: Spec, path: Path) -> float:
    """Return the largest difference of outputs and states, at two lengths and batch sizes."""
    module = stepzero_rnn.build(spec).eval()
    session = session_of(spec, path)
    return max(_difference(module, session, spec, *sequence) for sequence in SEQUENCES)


def session_of(spec: Spec, path: Path) -> Any:
    """Load a file into what runs its dtype."""
    if spec.dtype in IN_RUNTIME:
        return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return onnx.reference.ReferenceEvaluator(onnx.load(path), new_ops=[RNN])


def _difference(module: torch.nn.RNNBase, session: Any, spec: Spec, time: int, batch: int) -> float:
    axes = (batch, time) if spec.batch_first else (time, batch)
    features = torch.randn(
        *axes, spec.input_size, generator=torch.Generator().manual_seed(time)
    ).to(getattr(torch, spec.dtype))
    with torch.inference_mode():
        output, states = module(features)
    expected = [output, *(states if isinstance(states, tuple) else (states,))]
    given = session.run(None, {"input": _array(features)})
    return max(_largest(*pair) for pair in zip(given, expected, strict=True))


def _largest(given: NDArray[Any], expected: torch.Tensor) -> float:
    assert given.shape == expected.shape
    return float(np.abs(given.astype(np.float64) - expected.double().numpy()).max())


def _array(tensor: torch.Tensor) -> NDArray[Any]:
    if tensor.dtype != torch.bfloat16:
        return tensor.numpy()
    return tensor.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
