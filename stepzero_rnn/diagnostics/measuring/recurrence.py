"""One direction of a layer: run in slices of time, and its vector–Jacobian products.

The functions are those that torch's modules call.  Slices bound both the memory of the graph and
the time until a request that nobody waits for ends; the state is handed from one to the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stepzero_rnn.engine.thread_pool import Stop
from stepzero_rnn.spec.checkpoint import Spec
from stepzero_rnn.spec.networks import Cell
from stepzero_rnn.thresholds import SLICE_MULTIPLY_ADDS

State = tuple[Tensor, ...]  # h, and c of an LSTM: (1, sequences, features)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """One direction of a layer with its weights, in `state_dict` order."""

    spec: Spec
    weights: tuple[Tensor, ...]
    reverse: bool
    stop: Stop

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs (T, sequences, features) for inputs of that order, from state zero."""
        outputs, state = [], self._zero_state(x)
        with torch.no_grad():
            for part in self._slices(x):
                y, state = self._run(part, state)
                outputs.append(y)
        return self._in_order(torch.cat(outputs))

    def pull_back(self, x: Tensor, gradients: Sequence[Tensor]) -> list[Tensor]:
        """Return the gradient with respect to `x` for each gradient with respect to the output."""
        parts = [*self._slices(x)]
        states = self._states(parts)
        returning = [
            torch.split(self._in_order(one), [len(part) for part in parts]) for one in gradients
        ]
        of_state = [tuple(map(torch.zeros_like, states[0])) for _ in gradients]
        found: list[list[Tensor]] = [[] for _ in gradients]
        for place in reversed(range(len(parts))):
            part = parts[place].detach().requires_grad_()
            state = tuple(one.detach().requires_grad_() for one in states[place])
            with torch.enable_grad():
                y, after = self._run(part, state)
            for probe, slices in enumerate(returning):
                of_part, *before = torch.autograd.grad(
                    (y, *after),
                    (part, *state),
                    (slices[place], *of_state[probe]),
                    retain_graph=probe + 1 < len(gradients),
                )
                found[probe].append(of_part)
                of_state[probe] = tuple(before)
        return [self._in_order(torch.cat(one[::-1])) for one in found]

    def _states(self, parts: Sequence[Tensor]) -> list[State]:
        """Return the state before each slice."""
        states = [self._zero_state(parts[0])]
        with torch.no_grad():
            for part in parts[:-1]:
                states.append(self._run(part, states[-1])[1])
        return states

    def _slices(self, x: Tensor) -> Iterator[Tensor]:
        """Yield `x` in the direction's own time order, in slices."""
        elements = sum(weight.numel() for weight in self.weights)
        steps = max(1, SLICE_MULTIPLY_ADDS // (elements * x.shape[1]))
        for part in torch.split(self._in_order(x), steps):
            self.stop.check()
            yield part

    def _in_order(self, x: Tensor) -> Tensor:
        return x.flip(0) if self.reverse else x

    def _zero_state(self, x: Tensor) -> State:
        spec, sequences = self.spec, x.shape[1]
        h = x.new_zeros(1, sequences, spec.network.state_size)
        has_cell = spec.rnn_type == "lstm"
        return (h, x.new_zeros(1, sequences, spec.hidden_size)) if has_cell else (h,)

    def _run(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        # layers, dropout, training, bidirectional, batch_first
        arguments = (list(self.weights), self.spec.bias, 1, 0.0, False, False, False)
        match self.spec.rnn_type:
            case "lstm":
                y, h, c = torch.lstm(x, state, *arguments)
                return y, (h, c)
            case "gru":
                y, h = torch.gru(x, state[0], *arguments)
                return y, (h,)
            case "rnn":
                run = torch.rnn_relu if self.spec.nonlinearity == "relu" else torch.rnn_tanh
                y, h = run(x, state[0], *arguments)
                return y, (h,)


def of_layer(
    spec: Spec, layer: int, parameters: Mapping[str, Tensor], stop: Stop
) -> list[Recurrence]:
    """Return the directions of a layer, by its parameters' PyTorch names."""
    return [
        Recurrence(
            spec,
            tuple(parameters[Cell(layer, reverse).name(kind)] for kind in spec.network.kinds),
            reverse,
            stop,
        )
        for reverse in spec.network.reverse_flags
    ]


def forward(directions: Sequence[Recurrence], x: Tensor) -> Tensor:
    """Run a layer: (T, sequences, in) → (T, sequences, out)."""
    return torch.cat([direction.forward(x) for direction in directions], dim=-1)


def pull_back(
    directions: Sequence[Recurrence], x: Tensor, gradients: Sequence[Tensor]
) -> list[Tensor]:
    """Return gradients with respect to a layer's input, for gradients of all its outputs."""
    by_direction = zip(*(one.chunk(len(directions), dim=-1) for one in gradients), strict=True)
    each = [
        direction.pull_back(x, its_gradients)
        for direction, its_gradients in zip(directions, by_direction, strict=True)
    ]
    return [torch.stack(one).sum(0) for one in zip(*each, strict=True)]
