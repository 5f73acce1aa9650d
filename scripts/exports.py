"""Measures how far files in other formats are from PyTorch: the tables of docs/exports.md.

python -m scripts.exports             prints the table
python -m scripts.exports --write     writes it
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
from stepzero_rnn.dtypes import DTYPES
from stepzero_rnn.spec.checkpoint import FormatName, Spec
from tests.formats.onnx_judges import difference_to_torch

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/exports.md"
KINDS: Mapping[str, Mapping[str, Any]] = {
    "RNN, tanh": {"rnn_type": "rnn"},
    "RNN, relu": {"rnn_type": "rnn", "nonlinearity": "relu"},
    "GRU": {"rnn_type": "gru"},
    "LSTM": {"rnn_type": "lstm"},
}
LAYERS, YES_NO = (1, 3), (False, True)
# For each format, what gives the largest difference of outputs and states to torch's module.
JUDGES: Mapping[FormatName, Callable[[Spec, Path], float]] = {"onnx": difference_to_torch}


def table(name: FormatName) -> str:
    """Return the table of a format: a row for each kind of network, a column for each dtype."""
    head = ["network", "layers", "directions", "bias", *DTYPES]
    lines = [head, ["---"] * len(head), *_rows(name)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _rows(name: FormatName) -> Iterator[list[str]]:
    for kind, layers, bidirectional, bias in product(KINDS, LAYERS, YES_NO, YES_NO):
        shape = {"num_layers": layers, "bidirectional": bidirectional, "bias": bias}
        figures = (
            max(
                _difference(name, dtype=dtype, batch_first=first, **KINDS[kind], **shape)
                for first in YES_NO
            )
            for dtype in DTYPES
        )
        facts = [kind, str(layers), str(1 + bidirectional), "yes" if bias else "no"]
        yield [*facts, *(f"{figure:.1e}" for figure in figures)]


def _difference(name: FormatName, **fields: Any) -> float:
    spec = Spec(input_size=10, hidden_size=20, **fields)
    with TemporaryDirectory() as folder:
        path = stepzero_rnn.save(spec, Path(folder) / "network", format=name)
        return JUDGES[name](spec, path)


def main(arguments: list[str]) -> None:
    """Measure every format."""
    for name in JUDGES:
        rows = table(name)
        if "--write" in arguments:
            PAGE.write_text(filled(PAGE.read_text("utf-8"), name, rows), "utf-8")
        else:
            sys.stdout.write(f"{name}\n{rows}")


if __name__ == "__main__":
    main(sys.argv[1:])
