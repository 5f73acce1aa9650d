"""The figures of the weights, layer by layer: laws, spectra, memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median

import numpy as np

from stepzero_rnn.diagnostics.display import finite
from stepzero_rnn.diagnostics.measuring import jacobian, matrices
from stepzero_rnn.diagnostics.measuring.cell_weights import CellWeights, Matrix
from stepzero_rnn.diagnostics.measuring.expected_rows import (
    Drawn,
    Row,
    closest,
    densities_of,
    rows_of,
)
from stepzero_rnn.diagnostics.results import Omission
from stepzero_rnn.diagnostics.score import has_retention
from stepzero_rnn.diagnostics.weight_costs import DENSE
from stepzero_rnn.diagnostics.weight_results import (
    BlockSpectrum,
    CellMemory,
    ExpectedDensity,
    ExpectedFigures,
    Memory,
    Spectra,
    SpectrumRange,
)
from stepzero_rnn.engine.thread_pool import Stop
from stepzero_rnn.plan import Plan, TensorPlan
from stepzero_rnn.summary import is_detailed

MAX_SINGULAR_VALUES, MAX_EIGENVALUES = 256, 512
MAX_EIGENVALUES_IN_ALL = 2048
MAX_ROWS = 256


@dataclass(frozen=True, slots=True)
class WeightResults:
    """What was measured; None for a figure that was not requested."""

    expected: ExpectedFigures | None
    memory: Memory | None
    spectra: Spectra | None
    retention: float | None
    omitted: Sequence[Omission]


@dataclass(slots=True)
class WeightFigures:
    """Collects the figures that are requested, one layer at a time.

    Args:
        layer: the layer whose details are returned; None for all layers of a small network.
    """

    plan: Plan
    figures: frozenset[str]
    layer: int | None
    needed_length: int
    _retentions: list[float] = field(default_factory=list)
    _rows: list[tuple[int, Row]] = field(default_factory=list)
    _densities: list[ExpectedDensity] = field(default_factory=list)
    _blocks: list[tuple[int, BlockSpectrum]] = field(default_factory=list)
    _cells: list[CellMemory] = field(default_factory=list)

    def add(self, tensors: Sequence[TensorPlan], drawn: Drawn, stop: Stop) -> None:
        """Measure the drawn tensors of one layer; figures of weights that overflow are null."""
        with np.errstate(all="ignore"):
            if "weights" in self.figures:
                self._rows += ((tensors[0].layer, row) for row in rows_of(tensors, drawn, stop))
                if self._is_shown(tensors[0].layer):
                    self._densities += densities_of(tensors)
            for reverse in self.plan.spec.network.reverse_flags:
                own = [tensor for tensor in tensors if tensor.reverse == reverse]
                self._add_cell(CellWeights(self.plan.spec, own, drawn), own, stop)

    def result(self) -> WeightResults:
        """Return everything that was measured."""
        retention = finite(fmean(self._retentions)) if self._retentions else None
        parts = self._expected(), self._memory(), self._spectra()
        return WeightResults(*parts, retention, self._omitted())

    def _add_cell(self, cell: CellWeights, tensors: Sequence[TensorPlan], stop: Stop) -> None:
        if not tensors[0].reverse and has_retention(cell.spec.rnn_type, self.needed_length):
            self._retentions.append(jacobian.retention(cell, self.needed_length))
        if "memory" in self.figures:
            stop.check()
            self._cells.append(_memory(cell, tensors[0], stop))
        if "spectra" in self.figures:
            self._add_spectra(cell, tensors, stop)

    def _add_spectra(self, cell: CellWeights, tensors: Sequence[TensorPlan], stop: Stop) -> None:
        (recurrent,) = (tensor for tensor in tensors if tensor.kind == "weight_hh")
        shown = self._blocks_shown() if self._is_shown(recurrent.layer) else 0
        for gate, matrix in zip(recurrent.gates, cell.recurrent_blocks(), strict=True):
            stop.check()
            block = _spectrum(recurrent.name, gate, matrix, shown, stop)
            self._blocks.append((recurrent.layer, block))

    def _blocks_shown(self) -> int:
        spec = self.plan.spec
        layers = 1 if self.layer is not None else spec.num_layers
        return len(spec.network.rnn.letters) * layers * spec.directions

    def _is_shown(self, layer: int) -> bool:
        return is_detailed(layer, self.plan.spec.cells, self.layer)

    def _expected(self) -> ExpectedFigures | None:
        if "weights" not in self.figures:
            return None
        shown = [row for layer, row in self._rows if self._is_shown(layer)]
        if self.layer is None and not shown:
            shown = closest(row for _, row in self._rows)
        shown = sorted(shown, key=lambda row: row[1].passed)[:MAX_ROWS]
        failed = sum(not row.passed for _, (_, row) in self._rows)
        rows = [row for _, row in shown]
        return ExpectedFigures(len(self._rows), failed, rows, self._densities)

    def _memory(self) -> Memory | None:
        if "memory" not in self.figures:
            return None
        last = self.plan.spec.num_layers - 1
        ends = {0, last} if self.layer is None else set()
        shown = [c for c in self._cells if self._is_shown(c.layer) or c.layer in ends]
        return Memory(shown, [cell.spectral_radius for cell in self._cells])

    def _spectra(self) -> Spectra | None:
        if "spectra" not in self.figures:
            return None
        shown = [block for layer, block in self._blocks if self._is_shown(layer)]
        is_deep = self.plan.spec.num_layers > 1
        return Spectra(shown, [*_ranges([b for _, b in self._blocks])] if is_deep else [])

    def _omitted(self) -> list[Omission]:
        spec = self.plan.spec
        omitted = []
        if "spectra" in self.figures and max(spec.hidden_size, spec.network.state_size) > DENSE:
            reason = f"Of blocks above {DENSE}, only the largest singular value and eigenvalues are sought."
            omitted.append(Omission("spectra", reason))
        if "weights" in self.figures and (spec.arrays or spec.script):
            reason = "Uploaded arrays and scripts promise no distribution."
            omitted.append(Omission("weights", reason))
        return omitted


def _memory(cell: CellWeights, tensor: TensorPlan, stop: Stop) -> CellMemory:
    found = matrices.eigenvalues(jacobian.jacobian(cell), stop)
    radius = None if found is None else found.radius
    steps = jacobian.gate_memory(cell)
    is_shrinking = radius is not None and 0 < radius < 1
    return CellMemory(
        layer=tensor.layer,
        reverse=tensor.reverse,
        spectral_radius=None if radius is None else finite(radius),
        memory_steps=finite(-1 / float(np.log(radius))) if radius and is_shrinking else None,
        gate_memory_steps=None if steps is None else [finite(float(s)) for s in steps],
    )


def _spectrum(
    tensor: str, gate: str, matrix: Matrix, blocks_shown: int, stop: Stop
) -> BlockSpectrum:
    """Measure a block, and list as many points as `blocks_shown` such blocks leave room for."""
    values = matrices.singular_values(matrix, stop)
    is_square = len(matrix) == matrix.shape[1]
    eigenvalues = matrices.eigenvalues(matrix, stop) if is_square else None
    largest = None if values is None else float(values[0])
    is_whole = values is not None and len(values) == min(matrix.shape)
    smallest = float(values[-1]) if values is not None and is_whole else None
    room = MAX_EIGENVALUES_IN_ALL // blocks_shown if blocks_shown else 0
    points = _spaced(eigenvalues and eigenvalues.values, min(MAX_EIGENVALUES, room))
    return BlockSpectrum(
        tensor=tensor,
        gate=gate,
        largest_singular_value=_real(largest),
        smallest_singular_value=_real(smallest),
        condition=_real(largest / smallest) if largest and smallest else None,
        stable_rank=_real(float(np.square(matrix).sum()) / largest**2) if largest else None,
        spectral_radius=_real(eigenvalues and eigenvalues.radius),
        singular_values=[
            float(f"{v:.4g}") for v in _spaced(values, min(MAX_SINGULAR_VALUES, room))
        ],
        eigenvalues=[(float(f"{v.real:.4g}"), float(f"{v.imag:.4g}")) for v in points],
    )


def _real(value: float | None) -> float | None:
    return None if value is None else finite(value)


def _spaced(values: Matrix | None, most: int) -> Matrix:
    """Return up to `most` values, evenly spaced by rank, the first and the last among them."""
    if values is None or not most:
        return np.empty(0)
    if len(values) <= most:
        return values
    chosen: Matrix = values[np.linspace(0, len(values) - 1, most).round().astype(int)]
    return chosen


def _ranges(blocks: Sequence[BlockSpectrum]) -> Iterator[SpectrumRange]:
    for gate in dict.fromkeys(block.gate for block in blocks):
        for figure in ("spectral_radius", "largest_singular_value", "condition", "stable_rank"):
            own = (getattr(block, figure) for block in blocks if block.gate == gate)
            if known := [value for value in own if value is not None]:
                yield SpectrumRange(gate, figure, min(known), median(known), max(known))
