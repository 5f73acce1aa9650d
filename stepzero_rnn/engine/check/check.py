"""The check: before anything is served, every layer is drawn, run, measured and discarded."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import chain, islice

import torch
from torch import Tensor

from stepzero_rnn.dtypes import DTypeName
from stepzero_rnn.engine.check import forward
from stepzero_rnn.engine.check.measure import TensorFigures, TensorMeasurement, lesson_of, tasks_of
from stepzero_rnn.engine.check.onednn import without_onednn
from stepzero_rnn.engine.devices.devices import device_errors
from stepzero_rnn.engine.draw import Sampler, Stored
from stepzero_rnn.engine.statistics import Spread
from stepzero_rnn.engine.tensors import as_tensor
from stepzero_rnn.engine.torch_threads import torch_on
from stepzero_rnn.errors import DeadOutput, NonfiniteOutput
from stepzero_rnn.plan import ForwardSize, Plan, TensorPlan
from stepzero_rnn.summary import Devices, DirectionForward, Forward
from stepzero_rnn.thresholds import SINGLE_THREAD_ELEMENTS, SINGLE_THREAD_PRODUCTS, SPARE_ELEMENTS

# Called with each drawn tensor; returns whether it was kept, so that its memory is not reused.
Keep = Callable[[TensorPlan, Stored], bool]


def keep_none(_tensor: TensorPlan, _stored: Stored) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of the check.

    `crc32` has the checksum of each tensor's bytes.  `figures` has, by tensor name, the statistics
    of the whole tensor and of each gate; without `measure`, it and `forward.layers` are empty.
    """

    crc32: Mapping[str, int]
    figures: Mapping[str, TensorFigures]
    forward: Forward
    devices: Devices
    seconds: float


def check(
    plan: Plan,
    sampler: Sampler,
    size: ForwardSize,
    device: torch.device,
    *,
    measure: bool = True,
    keep: Keep = keep_none,
) -> Checked:
    """Draw and run a network with one layer in memory at a time, in addition to what is kept.

    Args:
        measure: also compute the statistics of weights and gates.
        keep: called with each drawn tensor; the memory of a tensor it keeps is not reused.

    Raises:
        NonfiniteOutput: a weight or a layer's output is not finite, and the spec does not accept
            that.
        DeadOutput: a layer's output is zero everywhere, and the spec does not accept that.
        DeviceFailed: the device reported an error.
        Stopped: the caller is no longer waiting.
    """
    began = time.monotonic()
    measurements: dict[str, TensorMeasurement] = {}
    room = _Room(sampler, keep)
    largest = max(sum(t.elements for t in layer) for layer in plan.layers())
    workers = sampler.workers
    cores = _torch_cores(workers.threads, largest, size)
    with device_errors(device), torch.inference_mode(), _lean(plan.spec.dtype, largest):
        run = _Run(plan, size, forward.probe(plan.spec, size, sampler, device), device)
        for layer, tensors in enumerate(plan.layers()):
            drawn = room.draw(tensors)
            tasks = [tasks_of(t, drawn[t.name], sampler.stop, measure=measure) for t in tensors]
            with workers.beside(chain(*tasks), small=largest < SINGLE_THREAD_ELEMENTS) as results:
                with torch_on(workers.cores, cores):
                    run.forward(layer, tensors, drawn, look=measure)
                task_results = iter(results())
            for tensor, its_tasks in zip(tensors, tasks, strict=True):
                its_results = [*islice(task_results, len(its_tasks))]
                measurement = lesson_of(tensor, its_results, measured=measure)
                judge_weights(plan, tensor, measurement.nonfinite)
                measurements[tensor.name] = measurement
            run.reject_bad_output(layer)
            sampler.stop.check()
    return Checked(
        {name: one.crc32 for name, one in measurements.items()},
        {name: one.figures for name, one in measurements.items() if one.figures},
        run.result(),
        Devices(sampler.backend.device, str(device)),
        time.monotonic() - began,
    )


class _Room:
    """The memory of one layer, reused for the next one except for tensors that are kept."""

    def __init__(self, sampler: Sampler, keep: Keep) -> None:
        self._sampler, self._keep = sampler, keep
        self._places: dict[tuple[str, bool], Stored] = {}

    def draw(self, tensors: Sequence[TensorPlan]) -> dict[str, Stored]:
        return {tensor.name: self._draw(tensor) for tensor in tensors}

    def _draw(self, tensor: TensorPlan) -> Stored:
        place = tensor.kind, tensor.reverse
        drawn = self._sampler.tensor(tensor, self._places.pop(place, None))
        if not self._keep(tensor, drawn):
            self._places[place] = drawn
        return drawn


class _Run:
    """The state of the forward pass: the current activations, and statistics of previous layers."""

    def __init__(self, plan: Plan, size: ForwardSize, x: Tensor, device: torch.device) -> None:
        self._spec, self._size, self._x, self._device = plan.spec, size, x, device
        self._input_shape = list(x.shape)
        self._layers: list[DirectionForward] = []
        self._finite, self._dead = True, False
        self._spread: Spread

    def forward(
        self, layer: int, tensors: Sequence[TensorPlan], drawn: Mapping[str, Stored], *, look: bool
    ) -> None:
        """Run one layer on the current activations; if `look`, also measure its gates."""
        parameters = {t.name: as_tensor(drawn[t.name], t).to(self._device) for t in tensors}
        x, self._x = self._x, forward.run_layer(self._spec, parameters, self._x)
        if look:
            self._layers += forward.gate_activations(self._spec, layer, parameters, x, self._x)

    def reject_bad_output(self, layer: int) -> None:
        """Raise an error if the spec does not accept the layer's output."""
        y = self._x
        self._spread = spread = forward.spread(y)
        if spread.nonfinite and not self._spec.accept_nonfinite:
            raise NonfiniteOutput(layer=layer, reason=self._reason(y))
        dead = spread.zeros == y.numel()
        if dead and not self._spec.accept_dead:
            raise DeadOutput(layer=layer)
        self._finite, self._dead = self._finite and not spread.nonfinite, self._dead or dead

    def _reason(self, y: Tensor) -> str:
        steps = y.transpose(0, 1) if self._spec.batch_first else y
        finite = steps.isfinite().flatten(1).all(dim=1).tolist()
        count = finite.index(False)
        return f"the output overflows {self._spec.dtype} after {count} of {len(finite)} time steps"

    def result(self) -> Forward:
        """Return the results of the whole pass."""
        return Forward(
            seq_len=self._size.seq_len,
            batch=self._size.batch,
            input_shape=self._input_shape,
            output_shape=list(self._x.shape),
            finite=self._finite,
            dead=self._dead,
            output_mean=self._spread.mean,
            output_std=self._spread.std,
            final_rms=[cell.output_rms[-1] for cell in self._layers],
            layers=self._layers,
        )


def judge_weights(plan: Plan, tensor: TensorPlan, nonfinite: int) -> None:
    """Raise an error if the spec does not accept weights that are not finite.

    The output does not show all of them: a closed gate can hide them.
    """
    if nonfinite and not plan.spec.accept_nonfinite:
        values = f"{nonfinite} of the {tensor.elements} values of {tensor.name}"
        raise NonfiniteOutput(layer=tensor.layer, reason=f"{values} overflow {tensor.dtype.name}")


def _torch_cores(threads: int, layer_elements: int, size: ForwardSize) -> int:
    """Return the number of cores on which torch runs a layer; 0 for a negligible amount of work.

    One core is left to the measurements that run at the same time: torch would have to wait for the
    last core to become free, with the others idle.
    """
    if layer_elements * size.seq_len * size.batch > SINGLE_THREAD_PRODUCTS:
        return max(threads - 1, 1)
    return 0 if layer_elements < SINGLE_THREAD_ELEMENTS else 1


def _lean(dtype: DTypeName, layer_elements: int) -> AbstractContextManager[None]:
    """Prevent oneDNN from packing a copy of a large layer, so that memory holds one layer only.

    Its 16-bit kernels are worth the copy, which is half as large: torch's own are slow.
    """
    large = dtype == "float32" and layer_elements > SPARE_ELEMENTS
    return without_onednn() if large else nullcontext()
