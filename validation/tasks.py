"""The tasks: batches of inputs and targets, the loss, and the loss of an untrained answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log
from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn import functional

# Optical recognition of handwritten digits, 8 × 8 pixels: E. Alpaydin and C. Kaynak, UCI Machine
# Learning Repository, https://doi.org/10.24432/C50P49, CC BY 4.0; the part in scikit-learn.
_DIGITS = np.load(Path(__file__).with_name("digits.npz"))
PIXELS = torch.from_numpy(_DIGITS["x"].astype(np.float32) / 16)
LABELS = torch.from_numpy(_DIGITS["y"].astype(np.int64))
PIXEL_MEAN, PIXEL_STD = 0.3, 0.37
SYMBOLS, ASKED = 4, 3

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class Task:
    """A task: `draw(generator, T, n)` returns inputs (T, n, inputs) and targets (n, …).

    `loss` takes outputs (models, n, outputs), or (T, models, n, outputs) if `every_step`, and
    targets (models, n, …), and returns one loss per model.  `baseline` is the loss of the best
    answer that ignores the input.
    """

    inputs: int
    outputs: int
    baseline: float
    draw: Callable[[Generator, int, int], Batch]
    loss: Callable[[Tensor, Tensor], Tensor]
    every_step: bool = False


def _adding(generator: Generator, steps: int, count: int) -> Batch:
    """Add the two numbers that are marked, one in each half."""
    values = torch.rand(steps, count, generator=generator)
    first = torch.randint(0, steps // 2, (count,), generator=generator)
    second = torch.randint(steps // 2, steps, (count,), generator=generator)
    every = torch.arange(count)
    marks = torch.zeros(steps, count)
    marks[first, every] = marks[second, every] = 1
    return torch.stack([values, marks], -1), values[first, every] + values[second, every]


def _recall(generator: Generator, steps: int, count: int) -> Batch:
    """Name three symbols, shown at the first three steps, after blanks."""
    shown = torch.randint(0, SYMBOLS, (ASKED, count), generator=generator)
    symbols = torch.full((steps, count), SYMBOLS)
    symbols[:ASKED] = shown
    return functional.one_hot(symbols, SYMBOLS + 1).float(), shown.T.contiguous()


def _digits(generator: Generator, steps: int, count: int) -> Batch:
    """Name a handwritten digit that is shown pixel by pixel."""
    chosen = torch.randint(0, len(PIXELS), (count,), generator=generator)
    pixels = (PIXELS[chosen, :steps].T - PIXEL_MEAN) / PIXEL_STD
    return pixels.unsqueeze(-1), LABELS[chosen]


def _local(generator: Generator, steps: int, count: int) -> Batch:
    """Compute x_t·x_{t−1} + x_{t−2}/2 at every step."""
    x = torch.rand(steps, count, generator=generator) * 2 - 1
    target = torch.zeros(steps, count)
    target[2:] = x[2:] * x[1:-1] + x[:-2] / 2
    return x.unsqueeze(-1), target.T.contiguous()


def _squares(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs[..., 0] - targets).square().mean(-1)


def _squares_of_steps(outputs: Tensor, targets: Tensor) -> Tensor:
    expected = targets.permute(2, 0, 1)
    return (outputs[2:, ..., 0] - expected[2:]).square().mean((0, 2))


def _entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy of all answers; several answers share the outputs evenly."""
    classes = outputs[0, 0].numel() // targets[0, 0].numel()
    flat = outputs.reshape(-1, classes)
    losses = functional.cross_entropy(flat, targets.reshape(-1), reduction="none")
    return losses.reshape(len(outputs), -1).mean(-1)


TASKS: Mapping[str, Task] = {
    "adding": Task(2, 1, 1 / 6, _adding, _squares),
    "recall": Task(SYMBOLS + 1, SYMBOLS * ASKED, log(SYMBOLS), _recall, _entropy),
    "digits": Task(1, 10, log(10), _digits, _entropy),
    "local": Task(1, 1, 1 / 9 + 1 / 12, _local, _squares_of_steps, every_step=True),
}
