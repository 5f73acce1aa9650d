"""The inputs and probes of diagnostics, from the project's own generator.

They depend on neither the recipe nor its seed: all starts see the same inputs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from stepzero_rnn.diagnostics.options import DiagnosticsOptions, Level
from stepzero_rnn.diagnostics.score import WINDOW, lags
from stepzero_rnn.dtypes import DTYPES
from stepzero_rnn.engine.draw import CPU
from stepzero_rnn.engine.elements.distributions import Normal
from stepzero_rnn.engine.words.philox import key
from stepzero_rnn.plan import stream_of

SEED = 0
MIN_ECHO_SEQUENCES = 32  # of an uploaded array: half of them fit a readout, half of them judge it


def standard_normal(name: str, *shape: int) -> Tensor:
    """Draw standard normal numbers; each name has a stream of its own."""
    values = np.empty(shape, np.float32)
    words = key(SEED, stream_of("diagnostics", name))
    CPU.fill(Normal(0.0, 1.0), values.reshape(-1), 0, words, DTYPES["float32"])
    return torch.from_numpy(values)


def sequences(name: str, steps: int, count: int, features: int) -> Tensor:
    """Draw sequences (steps, count, features); the first ones are the same for any count."""
    return standard_normal(name, count, steps, features).transpose(0, 1).contiguous()


@dataclass(frozen=True, slots=True)
class EchoInputs:
    """Sequences whose inputs end after a window, `lag` steps before the end.

    `x` is (T, sequences, features), and `window` what has to be read back: (sequences, values).
    """

    lag: int
    x: Tensor
    window: Tensor


def echo_inputs(base: Tensor, lag: int, silence: Tensor) -> EchoInputs:
    """Replace the inputs after the window by `silence` (features), the mean of the inputs."""
    first, steps = len(base) - lag, min(WINDOW, lag)
    x = base.clone()
    x[first + steps :] = silence
    window = base[first : first + steps].transpose(0, 1).flatten(1)
    return EchoInputs(lag, x, window)


@dataclass(frozen=True, slots=True)
class Inputs:
    """All sequences of a measurement: those of each lag, and those that run on to the end."""

    echoes: tuple[EchoInputs, ...]
    running: Tensor | None

    def joined(self) -> Tensor | None:
        """Return all sequences as one batch, (T, sequences, features); None if there are none."""
        parts = [echo.x for echo in self.echoes]
        parts += [] if self.running is None else [self.running]
        return torch.cat(parts, dim=1) if parts else None


def drawn_inputs(options: DiagnosticsOptions, level: Level, features: int) -> Inputs:
    """Return standard normal inputs."""
    steps = options.seq_len
    echoes: tuple[EchoInputs, ...] = ()
    if "echo" in options.measured:
        base = sequences("echo", steps, level.echo_sequences, features)
        silence = torch.zeros(features)
        each = lags(options.needed_length, level.lags)
        echoes = tuple(echo_inputs(base, lag, silence) for lag in each)
    runs_on = {"gradient", "signal"}.intersection(options.measured)
    count = level.gradient_sequences
    return Inputs(echoes, sequences("gradient", steps, count, features) if runs_on else None)


def uploaded_inputs(options: DiagnosticsOptions, level: Level, given: Tensor) -> Inputs:
    """Return inputs from an array (T, sequences, features), the first ones as far as needed."""
    echoes: tuple[EchoInputs, ...] = ()
    if "echo" in options.measured and given.shape[1] >= MIN_ECHO_SEQUENCES:
        base = given[:, : level.echo_sequences]
        silence = given.mean(dim=(0, 1))
        each = lags(options.needed_length, level.lags)
        echoes = tuple(echo_inputs(base, lag, silence) for lag in each)
    runs_on = {"gradient", "signal"}.intersection(options.measured)
    return Inputs(echoes, given[:, : level.gradient_sequences] if runs_on else None)
