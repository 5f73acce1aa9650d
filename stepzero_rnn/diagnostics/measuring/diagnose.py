"""Diagnoses a start: all sequences run through the network once, layer by layer, then back.

Forward, each layer is drawn, its weights are measured, and all sequences run through it.  Earlier
inputs are read from the last state, and gradients go back from it through the layers to the inputs.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager

import torch
from torch import Tensor

from stepzero_rnn.diagnostics import validity
from stepzero_rnn.diagnostics.cost import affordable, sequences_of
from stepzero_rnn.diagnostics.display import finite, shown_steps
from stepzero_rnn.diagnostics.findings import findings_of
from stepzero_rnn.diagnostics.measuring import recurrence
from stepzero_rnn.diagnostics.measuring.echo import echo
from stepzero_rnn.diagnostics.measuring.gradient import Reach, final_probes
from stepzero_rnn.diagnostics.measuring.inputs import (
    MIN_ECHO_SEQUENCES,
    drawn_inputs,
    uploaded_inputs,
)
from stepzero_rnn.diagnostics.measuring.network import NetworkWeights
from stepzero_rnn.diagnostics.measuring.recurrence import Recurrence
from stepzero_rnn.diagnostics.measuring.signal import MAX_CURVE_STEPS, cell_signal
from stepzero_rnn.diagnostics.measuring.weight_figures import WeightFigures
from stepzero_rnn.diagnostics.options import LEVELS, DiagnosticsOptions
from stepzero_rnn.diagnostics.results import (
    CellSignal,
    Diagnostics,
    Echo,
    Gradient,
    Omission,
    Signal,
)
from stepzero_rnn.diagnostics.rules import Measured
from stepzero_rnn.engine.devices.devices import device_errors
from stepzero_rnn.engine.draw import Sampler
from stepzero_rnn.engine.tensors import TORCH_DTYPES
from stepzero_rnn.engine.torch_threads import torch_on
from stepzero_rnn.plan import Plan
from stepzero_rnn.spec.recipe import encode_recipe
from stepzero_rnn.thresholds import DETAILED_CELLS, SINGLE_THREAD_STEP


def diagnose(
    plan: Plan,
    sampler: Sampler,
    options: DiagnosticsOptions,
    device: torch.device,
    given: Tensor | None = None,
) -> Diagnostics:
    """Measure a start.

    Args:
        given: inputs (T, sequences, input_size) instead of standard normal ones.

    Raises:
        NonfiniteOutput: a weight is not finite, and the spec does not accept that.
        DeviceFailed: the device reported an error.
        Stopped: the caller is no longer waiting.
    """
    began = time.monotonic()
    run = _Run(plan, sampler, options, device, given)
    with device_errors(device):
        run.forward()
        run.read()
        run.back()
    return run.result(time.monotonic() - began)


class _Run:
    """One diagnosis: the sequences as they pass through the layers, and what was measured."""

    def __init__(
        self,
        plan: Plan,
        sampler: Sampler,
        options: DiagnosticsOptions,
        device: torch.device,
        given: Tensor | None,
    ) -> None:
        self._plan, self._spec, self._options = plan, plan.spec, options
        self._level = LEVELS[options.level]
        self._workers, self._stop, self._device = sampler.workers, sampler.stop, device
        self._network = NetworkWeights(plan, sampler, device)
        self._is_uploaded = given is not None
        self._inputs = (
            drawn_inputs(options, self._level, plan.spec.input_size)
            if given is None
            else uploaded_inputs(options, self._level, given)
        )
        self._figures, self._too_long = affordable(plan, options)
        self._weights = WeightFigures(
            plan, frozenset(self._figures), options.layer, options.needed_length
        )
        self._below: list[Tensor] = []  # the input of each layer, of the running sequences
        self._last: Tensor | None = None
        self._overflows = False
        self._cells: list[CellSignal] = []
        self._final_rms: list[float | None] = []
        self._echo: Echo | None = None
        self._reach = Reach()

    def forward(self) -> None:
        """Draw and measure every layer, and run all sequences through it."""
        x = self._inputs.joined()
        x = None if x is None else self._network.place(x)
        for layer in range(self._spec.num_layers):
            tensors, drawn = self._network.draw(layer)
            with torch_on(self._workers.cores, 1):  # decompositions gain little from threads
                self._weights.add(tensors, drawn, self._stop)
            if x is None:
                continue
            with self._computing():
                directions = self._network.placed(layer, tensors, drawn)
                y = recurrence.forward(directions, x)
                self._look(layer, directions, x, y)
                x = self._last = y

    def read(self) -> None:
        """Read earlier inputs from the final states."""
        if self._last is None or not self._inputs.echoes:
            return
        h = self._last[-1, :, : self._spec.network.state_size].cpu()
        count = self._inputs.echoes[0].x.shape[1]
        each = zip(self._inputs.echoes, torch.split(h, count), strict=False)
        with torch_on(self._workers.cores, 1):
            found = {str(one.lag): echo(group, one.window) for one, group in each}
        known = {lag: round(value, 4) for lag, value in found.items() if value is not None}
        if known:
            self._echo = Echo(sum(known.values()) / len(known), known, count)

    def back(self) -> None:
        """Pull random directions of the final states back to the input of every layer."""
        if self._last is None or not self._has_gradient:
            return
        y = self._running(self._last)
        gradients = final_probes(y, self._spec.network.state_size, self._level.probes)
        for layer in reversed(range(self._spec.num_layers)):
            directions = self._network.again(layer)
            with self._computing():
                gradients = recurrence.pull_back(directions, self._below.pop(), gradients)
                self._reach.add(gradients)

    def result(self, seconds: float) -> Diagnostics:
        """Return everything that was measured."""
        options = self._options
        echo = self._echo
        reach, gradient = self._gradient()
        weights, measured = self._weights.result(), None
        if echo and gradient:
            overflows = self._overflows or gradient.log10_reach is None
            measured = Measured(echo.mean, reach, overflows, weights.retention or 0.0)
        return Diagnostics(
            recipe=encode_recipe(self._spec),
            seq_len=options.seq_len,
            dependency_length=options.needed_length,
            level=options.level,
            figures=list(self._figures),
            inputs="uploaded" if self._is_uploaded else "standard_normal",
            is_validated=validity.is_validated(self._spec) and not self._is_uploaded,
            validity=validity.sentence(self._spec, is_uploaded=self._is_uploaded),
            score=finite(measured.score) if measured else None,
            retention=weights.retention,
            findings=findings_of(self._spec, options.needed_length, measured, weights.expected),
            echo=echo,
            gradient=gradient,
            signal=self._signal(),
            weights=weights.expected,
            memory=weights.memory,
            spectra=weights.spectra,
            omitted=[*self._omitted(), *self._too_long, *weights.omitted],
            device=str(self._device),
            seconds=seconds,
        )

    @property
    def _has_gradient(self) -> bool:
        return "gradient" in self._options.measured

    def _computing(self) -> AbstractContextManager[None]:
        """Hold the cores that torch computes on: one where a step is too small to be divided."""
        sequences = sum(sequences_of(self._options))
        products = self._plan.parameters // self._spec.num_layers * sequences
        threads = self._workers.threads if products > SINGLE_THREAD_STEP else 1
        return torch_on(self._workers.cores, threads)

    def _running(self, values: Tensor) -> Tensor:
        """Return the sequences that run on to the end, which come last."""
        count = 0 if self._inputs.running is None else self._inputs.running.shape[1]
        return values[:, values.shape[1] - count :]

    def _look(self, layer: int, directions: list[Recurrence], x: Tensor, y: Tensor) -> None:
        """Measure the states of a layer, and keep what the way back needs."""
        largest = y.abs().max().item()
        limit = torch.finfo(TORCH_DTYPES[self._spec.dtype]).max
        self._overflows = self._overflows or not largest <= limit
        own_x, own_y = self._running(x), self._running(y)
        if self._has_gradient:
            self._below.append(own_x.clone())
        if "signal" not in self._options.measured:
            return
        for direction, h in zip(directions, own_y.chunk(len(directions), dim=-1), strict=True):
            final = h[0 if direction.reverse else -1].square().mean().sqrt()
            self._final_rms.append(finite(final.item()))
            if self._is_shown(layer):
                self._cells.append(cell_signal(layer, direction, own_x, h))

    def _is_shown(self, layer: int) -> bool:
        if self._options.layer is not None:
            return layer == self._options.layer
        layers = self._spec.num_layers
        return self._spec.cells <= DETAILED_CELLS or layer in (0, layers // 2, layers - 1)

    def _gradient(self) -> tuple[float, Gradient | None]:
        if not self._reach.by_step or self._inputs.running is None:
            return 0.0, None
        sequences = self._inputs.running.shape[1]
        return self._reach.result(self._options.needed_length, sequences, self._level.probes)

    def _signal(self) -> Signal | None:
        if not self._final_rms:
            return None
        steps = shown_steps(self._options.seq_len, MAX_CURVE_STEPS)
        return Signal(steps, self._cells, self._final_rms)

    def _omitted(self) -> list[Omission]:
        if "echo" not in self._options.measured or self._echo is not None:
            return []
        reason = (
            f"Echo needs at least {MIN_ECHO_SEQUENCES} sequences of inputs that vary where they "
            "have to be read back."
        )
        return [Omission("echo", reason)]
