"""The weights of one layer beside what their schemes promise: figures and densities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from stepzero_rnn.diagnostics.display import finite
from stepzero_rnn.diagnostics.measuring import expected
from stepzero_rnn.diagnostics.measuring.cell_weights import Matrix
from stepzero_rnn.diagnostics.measuring.densities import density
from stepzero_rnn.diagnostics.weight_results import ExpectedDensity, ExpectedRow
from stepzero_rnn.engine.draw import Stored
from stepzero_rnn.engine.schemes import law_of
from stepzero_rnn.engine.thread_pool import Stop
from stepzero_rnn.engine.words.rounding import load
from stepzero_rnn.plan import Block, TensorPlan
from stepzero_rnn.spec.networks import WHOLE

Drawn = Mapping[str, Stored]
Row = tuple[float, ExpectedRow]  # how much of its tolerance a figure takes, and the row


def rows_of(tensors: Sequence[TensorPlan], drawn: Drawn, stop: Stop) -> Iterator[Row]:
    """Compare every gate of a layer with its law; biases by their total where it is stated."""
    for tensor in tensors:
        partner = _partner(tensor, tensors)
        for block in tensor.blocks:
            stop.check()
            if block.patches or block.steps or (partner and tensor.kind == "bias_hh"):
                continue
            values = _values(tensor, block, drawn)
            if partner is None:
                yield from _compared(tensor, tensor.name, block, values)
            else:
                total = values + _values(partner, block, drawn)
                name = tensor.name.replace("bias_ih", "bias_ih + bias_hh")
                yield from _compared(tensor, name, replace(block, share=1.0), total)


def densities_of(tensors: Sequence[TensorPlan]) -> Iterator[ExpectedDensity]:
    """Return the density of every gate's elements; a fused block draws those of all its gates."""
    for tensor in tensors:
        for block in tensor.blocks:
            if block.patches or block.steps:
                continue
            name = _gate_name(tensor, block)
            for gate in tensor.gates if name == WHOLE else (name,):
                if found := density(law_of(tensor, block), tensor.name, gate):
                    yield found


def _partner(tensor: TensorPlan, tensors: Sequence[TensorPlan]) -> TensorPlan | None:
    """Return the other bias of a cell, if the two together are one total."""
    if not tensor.kind.startswith("bias"):
        return None
    other = next(
        t
        for t in tensors
        if t.kind.startswith("bias") and t.kind != tensor.kind and t.reverse == tensor.reverse
    )
    pairs = zip(tensor.blocks, other.blocks, strict=True)
    is_total = all(
        a.share + b.share == 1 and not (a.patches or b.patches) and a.scheme == b.scheme
        for a, b in pairs
    )
    return other if is_total else None


def _values(tensor: TensorPlan, block: Block, drawn: Drawn) -> Matrix:
    part = drawn[tensor.name][block.start : block.start + block.elements]
    return load(part, tensor.dtype).astype(np.float64).reshape(block.rows, block.cols)


def _compared(tensor: TensorPlan, name: str, block: Block, values: Matrix) -> Iterator[Row]:
    if not np.isfinite(values).all():
        return
    for check in expected.checks(law_of(tensor, block), values, tensor.dtype):
        taken = check.deviation / check.tolerance if check.tolerance else float(not check.passed)
        row = ExpectedRow(
            tensor=name,
            gate=_gate_name(tensor, block),
            figure=check.figure,
            expected=float(f"{check.expected:.5g}"),
            measured=finite(check.measured),
            tolerance=float(f"{check.tolerance:.2g}"),
            passed=check.passed,
        )
        yield taken, row


def _gate_name(tensor: TensorPlan, block: Block) -> str:
    """Return the name of a block's gate; a fused block has no gate of its own."""
    if len(tensor.blocks) != len(tensor.gates):
        return WHOLE
    return tensor.gates[block.start // tensor.gate_elements]


def closest(rows: Iterator[Row]) -> list[Row]:
    """Return, for each parameter, gate and figure, the row that is closest to its tolerance."""
    found: dict[tuple[str, str, str], Row] = {}
    for taken, row in rows:
        kind = row.tensor.partition("_l")[0]
        place = kind, row.gate, row.figure
        if place not in found or taken > found[place][0]:
            found[place] = taken, row
    return [*found.values()]
