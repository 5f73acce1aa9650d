"""Measures how far files in other formats are from PyTorch: the tables of docs/exports.md.

python -m scripts.exports                  prints all tables
python -m scripts.exports --write mlx      writes one
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import stepzero_rnn
from scripts.reference import filled
from stepzero_rnn.dtypes import DTYPES, DTypeName
from stepzero_rnn.formats import FORMATS
from stepzero_rnn.spec.canonical import canonical_json
from stepzero_rnn.spec.checkpoint import FormatName, Spec
from tests.formats import flax_judge, mlx_judge, onnx_judges
from tests.formats.laying import can_hold
from tests.formats.other_networks import judged_by_keras

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/exports.md"
KINDS: Mapping[str, Mapping[str, Any]] = {
    "RNN, tanh": {"rnn_type": "rnn"},
    "RNN, relu": {"rnn_type": "rnn", "nonlinearity": "relu"},
    "GRU": {"rnn_type": "gru"},
    "LSTM": {"rnn_type": "lstm"},
}
LAYERS, YES_NO = (1, 3), (False, True)
Difference = Callable[[Spec], float | None]


def in_process(name: FormatName, judge: Callable[[Spec, Path], float]) -> Difference:
    """Return what measures a file of a format in this process; None if it cannot hold a network.

    Only ONNX has an order of time and batch, so others are given one of them.
    """

    def measured(spec: Spec) -> float | None:
        if not can_hold(FORMATS[name], spec) or not (spec.batch_first or name == "onnx"):
            return None
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"network.{FORMATS[name].suffix}"
            return judge(spec, stepzero_rnn.save(spec, path))

    return measured


def by_keras(backend: str) -> Difference:
    """Return what looks up how Keras on a backend judged a network; None if it does not run it."""
    specs = (spec for cell in cells() for spec in networks_of_cell(*cell))
    judged = judged_by_keras(backend, [spec for spec in specs if spec.batch_first])
    return lambda spec: judged.get(canonical_json(spec), {}).get("difference")


# What gives the largest difference to torch's module: of outputs and, for ONNX, states.
JUDGES: Mapping[str, Callable[[], Difference]] = {
    "onnx": lambda: in_process("onnx", onnx_judges.difference_to_torch),
    "keras_jax": lambda: by_keras("jax"),
    "keras_torch": lambda: by_keras("torch"),
    "flax": lambda: in_process("flax", flax_judge.difference_to_torch),
    "mlx": lambda: in_process("mlx", mlx_judge.difference_to_torch),
}


def table(name: str) -> str:
    """Return the table of a judge: a row for each kind of network, a column for each dtype."""
    head = ["network", "layers", "directions", "bias", *DTYPES]
    lines = [head, ["---"] * len(head), *_rows(JUDGES[name]())]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def cells() -> Iterator[tuple[str, int, bool, bool]]:
    """Yield the kind, layers, directions and bias of every row."""
    return product(KINDS, LAYERS, YES_NO, YES_NO)


def networks_of_cell(kind: str, layers: int, bidirectional: bool, bias: bool) -> list[Spec]:
    """Return the networks of a row: in each dtype, batch first and time first."""
    shape: dict[str, Any] = {"num_layers": layers, "bidirectional": bidirectional, "bias": bias}
    return [
        Spec(input_size=10, hidden_size=20, dtype=dtype, batch_first=first, **KINDS[kind], **shape)
        for dtype, first in product(DTYPES, YES_NO)
    ]


def _rows(difference: Difference) -> Iterator[list[str]]:
    for kind, layers, bidirectional, bias in cells():
        largest: dict[DTypeName, list[float]] = {dtype: [] for dtype in DTYPES}
        for spec in networks_of_cell(kind, layers, bidirectional, bias):
            if (found := difference(spec)) is not None:
                largest[spec.dtype].append(found)
        figures = (f"{max(each):.1e}" if each else "–" for each in largest.values())
        yield [kind, str(layers), str(1 + bidirectional), "yes" if bias else "no", *figures]


def main(arguments: list[str]) -> None:
    """Measure what is named, or everything."""
    for name in [name for name in JUDGES if name in arguments] or JUDGES:
        rows = table(name)
        if "--write" in arguments:
            PAGE.write_text(filled(PAGE.read_text("utf-8"), name, rows), "utf-8")
        else:
            sys.stdout.write(f"{name}\n{rows}")


if __name__ == "__main__":
    main(sys.argv[1:])
