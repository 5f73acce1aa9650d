"""The networks that every other library is given, and what it and torch compute from them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import stepzero_rnn
from stepzero_rnn.dtypes import DTypeName
from stepzero_rnn.formats import FORMATS
from stepzero_rnn.spec.canonical import canonical_json
from stepzero_rnn.spec.checkpoint import FormatName, Spec
from tests.formats.laying import SIZES, can_hold

# A few roundings; for 16 bits, of states that are rounded at every step.
TOLERANCES: Mapping[DTypeName, float] = {
    "float32": 1e-6,
    "float64": 1e-15,
    "float16": 2e-3,
    "bfloat16": 2e-2,
}
KINDS: list[dict[str, Any]] = [
    {"rnn_type": "rnn"},
    {"rnn_type": "rnn", "nonlinearity": "relu"},
    {"rnn_type": "gru"},
    {"rnn_type": "lstm"},
]
TIME, BATCH = 6, 2


def networks_of(name: FormatName) -> list[Spec]:
    """Return networks that a format can hold: of layers, directions and biases half of the
    combinations, as most libraries take a second to compile each.
    """
    specs = (
        Spec(
            dtype=dtype,
            num_layers=layers,
            bidirectional=bidirectional,
            bias=bias,
            batch_first=True,
            **kind,
            **SIZES,
        )
        for dtype, kind, layers, bidirectional, bias in product(
            TOLERANCES, KINDS, (1, 3), (False, True), (False, True)
        )
        if (layers == 1) ^ bidirectional ^ (not bias)
    )
    return [spec for spec in specs if can_hold(FORMATS[name], spec)]


def inputs(spec: Spec) -> torch.Tensor:
    """Return inputs of shape (batch, time, features), whatever the order of the module."""
    drawn = torch.randn(BATCH, TIME, spec.input_size, generator=torch.Generator().manual_seed(1))
    return drawn.to(getattr(torch, spec.dtype))


def difference(spec: Spec, outputs: NDArray[Any]) -> float:
    """Return the largest difference to the outputs of torch's module."""
    given = inputs(spec)
    with torch.inference_mode():
        module = stepzero_rnn.build(spec).eval()
        expected = module(given if spec.batch_first else given.transpose(0, 1))[0]
    expected = expected.double().numpy()
    expected = expected if spec.batch_first else expected.swapaxes(0, 1)
    assert outputs.shape == expected.shape
    return float(np.abs(outputs.astype(np.float64) - expected).max())


def judged_by_keras(backend: str, specs: Iterable[Spec]) -> dict[str, dict[str, Any]]:
    """Return what Keras makes of the files of networks on a backend, by recipe."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.formats.keras_judge"],
        input="\n".join(map(canonical_json, specs)),
        env={**os.environ, "KERAS_BACKEND": backend},  # noqa: TID251 - as a shell would
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return {row["recipe"]: row for row in map(json.loads, run.stdout.splitlines())}
