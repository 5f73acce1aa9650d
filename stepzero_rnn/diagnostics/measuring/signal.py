"""The states of the network on standard normal or uploaded inputs, cell by cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from stepzero_rnn.diagnostics.display import finite, shown_steps
from stepzero_rnn.diagnostics.measuring.recurrence import Recurrence
from stepzero_rnn.diagnostics.results import CellSignal, GateSignal
from stepzero_rnn.engine.check.forward import TANH_EDGE, activate, is_saturated, limits
from stepzero_rnn.spec.networks import WHOLE, Gate, Role
from stepzero_rnn.summary import Histogram, Real

MAX_CURVE_STEPS = 64
GATE_BINS = 32
GATE_SLICE_ELEMENTS = 1 << 22  # gate values computed at once


def rms(values: Tensor, steps: list[int]) -> list[Real]:
    """Return the root mean square of (T, sequences, units) at some steps."""
    chosen = values[steps].cpu().double()
    return [finite(value) for value in chosen.square().mean(dim=(1, 2)).sqrt().tolist()]


def cell_signal(layer: int, direction: Recurrence, x: Tensor, h: Tensor) -> CellSignal:
    """Measure one direction of a layer.

    Args:
        x, h: its inputs and outputs, (T, sequences, features), in the order of the input.
    """
    spec = direction.spec
    steps = shown_steps(len(h), MAX_CURVE_STEPS)
    gates = _Gates(direction)
    if direction.reverse:
        gates.run(x.flip(0), h.flip(0))
    else:
        gates.run(x, h)
    last = h[0 if direction.reverse else -1].cpu().double()
    spread = last.std(dim=0, unbiased=False)
    power = last.square().mean()
    is_limited = spec.nonlinearity != "relu"
    return CellSignal(
        layer=layer,
        reverse=direction.reverse,
        state_rms=rms(h, steps),
        cell_rms=gates.cell_rms(steps),
        unit_spread=[finite(v.item()) for v in (spread.min(), spread.median(), spread.max())],
        dead_units=(spread == 0).double().mean().item(),
        saturated_units=(last.abs() > TANH_EDGE).double().mean().item() if is_limited else 0.0,
        distinctness=finite((spread.square().mean() / power).item()) if power > 0 else 0.0,
        gates=gates.result(),
    )


@dataclass(slots=True)
class _Gate:
    """One gate, with what was counted of it so far."""

    name: str
    limits: tuple[float, float] | None
    total: float = 0.0
    saturated: float = 0.0
    count: int = 0
    bins: Tensor | None = None

    def add(self, active: Tensor, saturated: Tensor) -> None:
        self.total += active.sum().item()
        self.saturated += saturated.sum().item()
        self.count += active.numel()
        if self.limits:
            low, high = self.limits
            counts = torch.histc(active.cpu(), GATE_BINS, low, high).long()
            self.bins = counts if self.bins is None else self.bins + counts

    def result(self) -> GateSignal:
        mean, saturated = finite(self.total / self.count), finite(self.saturated / self.count)
        return GateSignal(self.name, mean, saturated, self._histogram())

    def _histogram(self) -> Histogram | None:
        if self.bins is None or self.limits is None:
            return None
        low, high = self.limits
        width = (high - low) / GATE_BINS
        edges = [low + place * width for place in range(GATE_BINS + 1)]
        return Histogram(edges, self.bins.tolist())


class _Gates:
    """The gates of a direction over all steps, and an LSTM's c, from its inputs and outputs."""

    def __init__(self, direction: Recurrence) -> None:
        self._direction, self._spec = direction, direction.spec
        kinds = self._spec.network.kinds
        self._weights = dict(zip(kinds, direction.weights, strict=True))
        self._gates: dict[str, _Gate] = {}
        self._cell_squares: list[float] = []
        self._cell: Tensor | None = None

    def run(self, x: Tensor, h: Tensor) -> None:
        """Compute every gate; `x` and `h` are in the direction's own time order."""
        before = torch.cat([torch.zeros_like(h[:1]), h[:-1]])
        width = x.shape[1] * self._spec.hidden_size * len(self._spec.network.rnn.letters)
        steps = max(1, GATE_SLICE_ELEMENTS // width)
        for inputs, states in zip(torch.split(x, steps), torch.split(before, steps), strict=True):
            self._direction.stop.check()
            by_role = dict(self._active(inputs, states))
            if self._spec.rnn_type == "lstm":
                self._add_cell(by_role)

    def _active(self, x: Tensor, h: Tensor) -> Iterator[tuple[Role, Tensor]]:
        reset: Tensor | None = None
        for place, gate in enumerate(self._spec.network.rnn.gates or (None,)):
            from_x, from_h = self._part("ih", place, x), self._part("hh", place, h)
            role: Role = gate.role if gate else "candidate"
            if reset is not None and role == "candidate":
                from_h = reset * from_h
            active = activate(self._spec, gate, from_x + from_h)
            saturated = is_saturated(self._spec, gate, active)
            self._counted(gate).add(active, saturated)
            if role == "reset":
                reset = active
            yield role, active

    def _counted(self, gate: Gate | None) -> _Gate:
        name = gate.name if gate else WHOLE
        return self._gates.setdefault(name, _Gate(name, limits(self._spec, gate)))

    def _part(self, side: str, place: int, values: Tensor) -> Tensor:
        size = self._spec.hidden_size
        rows = slice(place * size, (place + 1) * size)
        bias = self._weights.get(f"bias_{side}")  # type: ignore[call-overload]
        weight = self._weights[f"weight_{side}"]  # type: ignore[index]
        return functional.linear(values, weight[rows], None if bias is None else bias[rows])

    def _add_cell(self, gates: Mapping[Role, Tensor]) -> None:
        added = gates["write"] * gates["candidate"]
        c = torch.zeros_like(added[0]) if self._cell is None else self._cell
        for keep, new in zip(gates["retention"], added, strict=True):
            c = keep * c + new
            self._cell_squares.append(c.square().mean().item())
        self._cell = c

    def cell_rms(self, steps: list[int]) -> list[Real] | None:
        """Return the root mean square of c at some steps of the input's order."""
        squares = self._cell_squares
        if self._direction.reverse:
            squares = squares[::-1]
        return [finite(squares[step] ** 0.5) for step in steps] if squares else None

    def result(self) -> list[GateSignal]:
        return [gate.result() for gate in self._gates.values()]
