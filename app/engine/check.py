"""One pass over a checkpoint: every layer is drawn, measured, run and dropped, before a byte is served."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from math import sqrt

import torch
from torch import Tensor

from app.engine import forward
from app.engine.draw import SMALL, Artist, Stored
from app.engine.onednn import without_onednn
from app.engine.schemes import law_of
from app.engine.statistics import Tally, figures, join
from app.engine.tensors import as_tensor
from app.errors import DeadOutput, NonfiniteOutput
from app.plan import Plan, TensorPlan
from app.spec.checkpoint import CheckSize
from app.summary import Devices, DirectionForward, Figures, Forward

SPARE_BYTES = 32 << 20  # a second copy of a layer this large is no matter
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
    room: dict[tuple[str, bool], Stored] = {}  # one layer's memory, used again for the next
    with torch.inference_mode(), _torch_threads(_useful_threads(plan, size, artist)), _lean(plan):
        run = _Run(plan, forward.probe(plan.spec, size, artist, device), device)
        for layer, tensors in enumerate(plan.layers()):
            for tensor in tensors:
                place = tensor.kind, tensor.reverse
                room[place] = artist.tensor(tensor, room.get(place))
            drawn = {t.name: room[t.kind, t.reverse] for t in tensors}
            small = sum(t.elements for t in tensors) < SMALL
            tasks = [partial(_learn, artist, t, drawn[t.name]) for t in tensors]
            with artist.workers.beside(tasks, small=small) as learned:
                y = run.forward(layer, tensors, drawn)
                for tensor, (tallies, crc) in zip(tensors, learned(), strict=True):
                    found[tensor.name] = _judged_figures(plan, tensor, tallies)
                    crc32[tensor.name] = crc
            run.judge_and_look(layer, y)
            artist.stop.check()
    devices = Devices(drawn_on, str(device))
    return Checked(found, crc32, run.result(), devices, time.monotonic() - began)


class _Run:
    """The forward pass so far: the running activations and what was seen of them."""

    def __init__(self, plan: Plan, x: Tensor, device: torch.device) -> None:
        self._spec, self._x, self._device = plan.spec, x, device
        self._input_shape = list(x.shape)
        self._layers: list[DirectionForward] = []
        self._parameters: Mapping[str, Tensor] = {}
        self._finite, self._dead = True, False

    def forward(
        self, layer: int, tensors: Sequence[TensorPlan], drawn: Mapping[str, Stored]
    ) -> Tensor:
        """Run one layer on the activations; give its output."""
        self._parameters = {t.name: as_tensor(drawn[t.name], t).to(self._device) for t in tensors}
        return forward.run_layer(self._spec, layer, self._parameters, self._x)

    def judge_and_look(self, layer: int, y: Tensor) -> None:
        """Refuse what may not be served; measure the layer; keep its output for the next."""
        self._judge(layer, y)
        self._layers += forward.look_at(self._spec, layer, self._parameters, self._x, y)
        self._x, self._parameters = y, {}

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


def _learn(artist: Artist, tensor: TensorPlan, stored: Stored) -> tuple[list[Tally], int]:
    """Tally each gate of a drawn tensor, and give the CRC-32 of its bytes."""
    return [tally() for tally in artist.tally_tasks(tensor, stored)], zlib.crc32(stored.data)


def _judged_figures(
    plan: Plan, tensor: TensorPlan, tallies: Sequence[Tally]
) -> tuple[Figures, Sequence[Figures]]:
    """Refuse a weight that is not finite, also where a gate would hide it from the output."""
    count = sum(tally.nonfinite for tally in tallies)
    if count and not plan.spec.accept_nonfinite:
        what = f"{count} of the {tensor.elements} values of {tensor.name}"
        raise NonfiniteOutput(layer=tensor.layer, reason=f"{what} overflow {tensor.dtype.name}")
    return _figures(tensor, tallies)


def _useful_threads(plan: Plan, size: CheckSize, artist: Artist) -> int:
    """Give how many threads torch shall use: one is left to what learns; a small network needs one."""
    largest = max(sum(t.elements for t in layer) for layer in plan.layers())
    return (
        max(artist.workers.threads - 1, 1)
        if largest * size.seq_len * size.batch > FEW_PRODUCTS
        else 1
    )


def _lean(plan: Plan) -> AbstractContextManager[None]:
    """Keep oneDNN from packing a copy of a large layer, so that one layer is all there is in memory.

    Its 16-bit kernels are worth their copy, which is half as large; without them torch has only slow ones.
    """
    layer_bytes = max(sum(t.size_bytes for t in layer) for layer in plan.layers())
    large = plan.spec.dtype == "float32" and layer_bytes > SPARE_BYTES
    return without_onednn() if large else nullcontext()


@contextmanager
def _torch_threads(count: int) -> Iterator[None]:
    """Set torch's number of threads, which holds for the calling thread and for threads it has not met."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _figures(tensor: TensorPlan, tallies: Sequence[Tally]) -> tuple[Figures, Sequence[Figures]]:
    """Turn the tallies of a tensor's gates into figures, of the whole and of each gate."""
    spreads = [law_of(tensor, block).std for block in tensor.blocks]
    pooled = sqrt(sum(spread * spread for spread in spreads) / len(spreads))
    gates = [
        figures(tally, expected_std=spreads[place % len(spreads)])
        for place, tally in enumerate(tallies)
    ]
    return (figures(join(tallies), expected_std=pooled) if len(gates) > 1 else gates[0]), gates
