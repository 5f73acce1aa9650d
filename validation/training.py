"""Trains all starts of a group side by side.

Adam (0.9, 0.999, 1e-8) with two learning rates, gradient norm clipped at 1, batches of 20, new at
each step and the same for all starts of a seed.  The head is one linear layer, U(±1/√H), the same
for all starts of a seed.  A step whose loss or gradient is not finite is skipped and counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

import torch
from torch import Tensor

import stepzero_rnn
from validation.cells import run
from validation.groups import Group
from validation.starts import network, starts
from validation.tasks import TASKS, Task

SEEDS, RATES = (0, 1, 2), (2e-3, 1e-2)
BATCH, CLIP, WINDOWS = 20, 1.0, 25
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
AT_ONCE = {"gru": 48}  # models whose states fit the caches
HEAD_SEED, BATCH_SEED = 1000, 77


class Model(NamedTuple):
    """One network that is trained."""

    start: str
    rate: float
    seed: int


@dataclass(frozen=True, slots=True)
class Trained:
    """The loss of every model in each window of training, and how many steps were skipped."""

    models: list[Model]
    windows: Tensor  # (windows, models), divided by the task's baseline
    skipped: Tensor  # (models)

    def gains(self) -> dict[str, dict[float, list[float]]]:
        """Return the gain of each seed, by start and rate: 1 − mean of min(loss/baseline, 1).

        The mean is over training.  A loss that is not finite counts as the baseline.
        """
        relative = torch.nan_to_num(self.windows, nan=1.0).clamp(max=1.0)
        found: dict[str, dict[float, list[float]]] = {}
        for model, gain in zip(self.models, (1 - relative.mean(0)).tolist(), strict=True):
            found.setdefault(model.start, {}).setdefault(model.rate, []).append(gain)
        return found


def specs(group: Group, seed: int) -> Mapping[str, dict[str, object]]:
    """Return the spec of every start of a group."""
    sizes = {
        "input_size": TASKS[group.task].inputs,
        "hidden_size": group.hidden_size,
        "num_layers": group.layers,
        "seed": seed,
    }
    each = starts(group.kind, group.seq_len).items()
    return {label: {**network(group.kind), **sizes, "init": init} for label, init in each}


def train(group: Group) -> Trained:
    """Train every start of a group, with every seed and learning rate."""
    task = TASKS[group.task]
    models = [Model(s, r, seed) for s in specs(group, 0) for r in RATES for seed in SEEDS]
    state = _Adam(_parameters(group, task, models), torch.tensor([m.rate for m in models]))
    generators = {s: torch.Generator().manual_seed(BATCH_SEED + s) for s in SEEDS}
    of_seed = torch.tensor([SEEDS.index(model.seed) for model in models])
    losses = torch.zeros(group.steps, len(models))
    for step in range(group.steps):
        drawn = [task.draw(generators[seed], group.seq_len, BATCH) for seed in SEEDS]
        x = torch.stack([inputs for inputs, _ in drawn], 1)
        y = torch.stack([targets for _, targets in drawn])
        for part in _parts(group.kind, len(models)):
            chosen = of_seed[part]
            inputs = x[:, chosen].contiguous()
            losses[step, part] = _step(group, task, state, part, inputs, y[chosen])
    # A group may have fewer steps than windows in a test.
    windows = torch.stack(
        [part.mean(0) for part in torch.tensor_split(losses, WINDOWS) if len(part)]
    )
    return Trained(models, windows / task.baseline, state.skipped)


def _parts(kind: str, models: int) -> Iterator[slice]:
    size = AT_ONCE.get(kind, models)
    return (slice(at, min(at + size, models)) for at in range(0, models, size))


def _parameters(group: Group, task: Task, models: list[Model]) -> dict[str, Tensor]:
    drawn = {
        (start, seed): dict(stepzero_rnn.state_dict(spec))
        for seed in SEEDS
        for start, spec in specs(group, seed).items()
    }
    names = next(iter(drawn.values()))
    found = {n: torch.stack([drawn[m.start, m.seed][n] for m in models]) for n in names}
    heads = {seed: _head(group.hidden_size, task.outputs, seed) for seed in SEEDS}
    found["head_weight"] = torch.stack([heads[model.seed][0] for model in models])
    found["head_bias"] = torch.stack([heads[model.seed][1] for model in models])
    return found


def _head(hidden: int, outputs: int, seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(HEAD_SEED + seed)
    weight = torch.rand(outputs, hidden, generator=generator)
    bias = torch.rand(outputs, generator=generator)
    return (weight * 2 - 1) / sqrt(hidden), (bias * 2 - 1) / sqrt(hidden)


def _step(group: Group, task: Task, state: _Adam, part: slice, x: Tensor, y: Tensor) -> Tensor:
    """Take one step of some models; return their losses before it."""
    parameters = {n: p[part].detach().requires_grad_() for n, p in state.parameters.items()}
    h = run(group.kind, group.layers, parameters, x)
    h = h if task.every_step else h[-1:]
    weight, bias = parameters["head_weight"], parameters["head_bias"]
    outputs = torch.einsum("tkbh,koh->tkbo", h, weight) + bias[None, :, None]
    losses = task.loss(outputs if task.every_step else outputs[0], y)
    torch.autograd.backward(losses.sum())
    gradients = {name: p.grad for name, p in parameters.items() if p.grad is not None}
    fine = state.update(part, gradients, losses.detach())
    return torch.where(fine, losses.detach(), torch.nan)


class _Adam:
    """Adam for many models, each with its own rate and count of steps."""

    def __init__(self, parameters: dict[str, Tensor], rates: Tensor) -> None:
        self.parameters, self._rates = parameters, rates
        self._first = {name: torch.zeros_like(p) for name, p in parameters.items()}
        self._second = {name: torch.zeros_like(p) for name, p in parameters.items()}
        self._taken = torch.zeros(len(rates))
        self.skipped = torch.zeros(len(rates))

    def update(self, part: slice, gradients: Mapping[str, Tensor], losses: Tensor) -> Tensor:
        """Step the models in `part` whose loss and gradient are finite; return which they are."""
        squares = torch.stack([g.flatten(1).double().square().sum(1) for g in gradients.values()])
        norm = squares.sum(0).sqrt().float()
        fine = torch.isfinite(norm) & torch.isfinite(losses)
        scale = torch.where(fine, (CLIP / (norm + 1e-6)).clamp(max=1.0), 0.0)
        self.skipped[part] += (~fine).float()
        self._taken[part] += fine.float()
        for name, gradient in gradients.items():
            self._update(part, name, torch.nan_to_num(gradient, 0, 0, 0), scale, fine)
        return fine

    def _update(
        self, part: slice, name: str, gradient: Tensor, scale: Tensor, fine: Tensor
    ) -> None:
        shape = (-1,) + (1,) * (gradient.dim() - 1)
        gradient = gradient * scale.view(shape)
        steps = fine.view(shape)
        taken = self._taken[part].clamp(min=1)
        first, second = self._first[name][part], self._second[name][part]
        first.copy_(torch.where(steps, BETA_1 * first + (1 - BETA_1) * gradient, first))
        square = BETA_2 * second + (1 - BETA_2) * gradient.square()
        second.copy_(torch.where(steps, square, second))
        mean = first / (1 - BETA_1**taken).view(shape)
        deviation = (second / (1 - BETA_2**taken).view(shape)).sqrt()
        change = self._rates[part].view(shape) * mean / (deviation + EPSILON)
        self.parameters[name][part] -= torch.where(steps, change, 0.0)
