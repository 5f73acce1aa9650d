"""One pass over a checkpoint: every layer is drawn, measured, run and dropped, before a byte is served."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import sqrt

import torch
from torch import Tensor

from app.engine import forward
from app.engine.draw import SMALL, Artist, Stored
from app.engine.schemes import law_of
from app.engine.statistics import Tally, figures, join
from app.engine.tensors import as_tensor
from app.errors import DeadOutput, NonfiniteOutput
from app.plan import Plan, TensorPlan
from app.spec.checkpoint import CheckSize
from app.summary import Devices, DirectionForward, Figures, Forward

FEW_PRODUCTS = 1 << 26  # multiplications that one thread does in about a millisecond


@dataclass(frozen=True, slots=True)
class Checked:
    """What the pass learned.

    `figures` has, by tensor name, those of the whole tensor and of each of its gates; `crc32` is of its bytes.
    """

    figures: Mapping[str, tuple[Figures, Sequence[Figures]]]
    crc32: Mapping[str, int]
    forward: Forward
    devices: Devices
    seconds: float


def check(
    plan: Plan, artist: Artist, size: CheckSize, device: torch.device, *, drawn_on: str
) -> Checked:
    """Draw, measure and run a network, one layer in memory at a time.

    Raises:
        NonfiniteOutput: a weight or a layer's output is not finite, and the spec does not accept that.
        DeadOutput: a layer's output is zero everywhere, and the spec does not accept that.
        Stopped: nobody waits for the answer any more.
    """
    began = time.monotonic()
    found: dict[str, tuple[Figures, Sequence[Figures]]] = {}
    crc32: dict[str, int] = {}
    with torch.inference_mode(), _torch_threads(_useful_threads(plan, size, artist)):
        run = _Run(plan, forward.probe(plan.spec, size, artist, device), device)
        for layer, tensors in enumerate(plan.layers()):
            drawn: dict[str, Stored] = {}
            for tensor in tensors:
                drawn[tensor.name], tallies = artist.tallied(tensor)
                _judge_weights(plan, tensor, tallies)
                found[tensor.name] = _figures(tensor, tallies)
            crc32 |= _crc32(drawn, artist)
            run.layer(layer, tensors, drawn)
            artist.stop.check()
    devices = Devices(drawn_on, str(device))
    return Checked(found, crc32, run.result(), devices, time.monotonic() - began)


class _Run:
    """The forward pass so far: the running activations and what was seen of them."""

    def __init__(self, plan: Plan, x: Tensor, device: torch.device) -> None:
        self._spec, self._x, self._device = plan.spec, x, device
        self._input_shape = list(x.shape)
        self._layers: list[DirectionForward] = []
        self._finite, self._dead = True, False

    def layer(
        self, layer: int, tensors: tuple[TensorPlan, ...], drawn: Mapping[str, Stored]
    ) -> None:
        """Run one layer on the activations and keep its output in their place."""
        parameters = {t.name: as_tensor(drawn[t.name], t).to(self._device) for t in tensors}
        y = forward.run_layer(self._spec, layer, parameters, self._x)
        self._judge(layer, y)
        self._layers += forward.look_at(self._spec, layer, parameters, self._x, y)
        self._x = y

    def _judge(self, layer: int, y: Tensor) -> None:
        finite, dead = bool(y.isfinite().all()), not bool(y.any())
        if not finite and not self._spec.accept_nonfinite:
            raise NonfiniteOutput(layer=layer, reason=self._reason(y))
        if dead and not self._spec.accept_dead:
            raise DeadOutput(layer=layer)
        self._finite, self._dead = self._finite and finite, self._dead or dead

    def _reason(self, y: Tensor) -> str:
        steps = y.transpose(0, 1) if self._spec.batch_first else y
        good = steps.isfinite().flatten(1).all(dim=1).tolist()
        sound = good.index(False)
        return f"the output overflows {self._spec.dtype} after {sound} of {len(good)} time steps"

    def result(self) -> Forward:
        """Give what was seen of the whole pass."""
        mean, std = forward.spread(self._x)
        return Forward(
            input_shape=self._input_shape,
            output_shape=list(self._x.shape),
            finite=self._finite,
            dead=self._dead,
            output_mean=mean,
            output_std=std,
            layers=self._layers,
        )


def _judge_weights(plan: Plan, tensor: TensorPlan, tallies: Sequence[Tally]) -> None:
    """Refuse a weight that is not finite, also where a gate would hide it from the output."""
    count = sum(tally.nonfinite for tally in tallies)
    if count and not plan.spec.accept_nonfinite:
        reason = (
            f"{count} of the {tensor.elements} values of {tensor.name} overflow {tensor.dtype.name}"
        )
        raise NonfiniteOutput(layer=tensor.layer, reason=reason)


def _useful_threads(plan: Plan, size: CheckSize, artist: Artist) -> int:
    """Give how many threads torch shall use; for a small network a second one only waits for the first."""
    largest = max(sum(t.elements for t in layer) for layer in plan.layers())
    return artist.workers.threads if largest * size.seq_len * size.batch > FEW_PRODUCTS else 1


@contextmanager
def _torch_threads(count: int) -> Iterator[None]:
    """Set torch's number of threads, which holds for the calling thread and for threads it has not met."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _crc32(drawn: Mapping[str, Stored], artist: Artist) -> dict[str, int]:
    tasks = (partial(zlib.crc32, stored.data) for stored in drawn.values())
    small = sum(stored.size for stored in drawn.values()) < SMALL
    return dict(zip(drawn, artist.workers.map(tasks, artist.stop, small=small), strict=True))


def _figures(tensor: TensorPlan, tallies: Sequence[Tally]) -> tuple[Figures, Sequence[Figures]]:
    """Turn the tallies of a tensor's gates into figures, of the whole and of each gate."""
    spreads = [law_of(tensor, block).std for block in tensor.blocks]
    pooled = sqrt(sum(spread * spread for spread in spreads) / len(spreads))
    gates = [
        figures(tally, expected_std=spreads[place % len(spreads)])
        for place, tally in enumerate(tallies)
    ]
    return (figures(join(tallies), expected_std=pooled) if len(gates) > 1 else gates[0]), gates
