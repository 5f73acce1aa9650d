"""Replays scripts: a tensor's values depend on everything its script drew before, so steps run in
order.

The generator's state between steps is cached, so that drawing the tensors in order runs each step
once.  The bits are those of the installed libraries: NumPy's legacy generator, torch's CPU
generator, and for `orthogonal_` LAPACK on one thread, as more threads change the last bits.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache, partial
from math import prod, sqrt
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from cachetools import LRUCache
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import init

from stepzero_rnn.dtypes import DType
from stepzero_rnn.engine.linalg.tasks import Run
from stepzero_rnn.engine.tensors import view
from stepzero_rnn.plan import ScriptPlan
from stepzero_rnn.spec.schemes.scripts import Call, NumpyRandn

PIECE = 1 << 20  # elements that NumPy draws at a time
REMEMBERED = 1024  # cached states, of about 5 kB each
WITHOUT_NUMBERS = ("constant_", "zeros_", "ones_", "eye_")


class Step(NamedTuple):
    """One step: a tensor's shape, and the function that fills it; None for the module's
    constructor.
    """

    shape: tuple[int, ...]
    call: Call | None = None


class Steps(NamedTuple):
    """The steps of a script, and for each tensor's index the last step that writes it."""

    steps: tuple[Step, ...]
    last: Mapping[int, int]


class ScriptGenerator(Protocol):
    """A generator that runs steps, and whose state can be saved and restored."""

    state: Any

    def run_step(self, step: Step, out: Tensor) -> None:
        """Fill a step's tensor, and advance the state to the next step."""


class TorchGenerator:
    """Runs the steps of `torch_seeded` with torch's own functions."""

    def __init__(self, script: ScriptPlan, seed: int) -> None:
        self._bound = 1 / sqrt(script.hidden_size)
        self._generator = torch.Generator().manual_seed(seed)

    @property
    def state(self) -> Tensor:
        return self._generator.get_state()

    @state.setter
    def state(self, state: Tensor) -> None:
        self._generator.set_state(state)

    def run_step(self, step: Step, out: Tensor) -> None:
        """Run `reset_parameters` for one tensor, or a function of `torch.nn.init`."""
        if step.call is None:
            init.uniform_(out, -self._bound, self._bound, generator=self._generator)
            return
        function, arguments = getattr(init, step.call.function), step.call.arguments
        if step.call.function not in WITHOUT_NUMBERS:
            arguments |= {"generator": self._generator}
        with _one_thread():
            function(out, **arguments)


class NumpyGenerator:
    """Runs the steps of `numpy_randn` with NumPy's legacy generator."""

    def __init__(self, script: ScriptPlan, seed: int) -> None:
        self._scale = getattr(script.script, "scale", 1.0)
        self._generator = np.random.RandomState(seed)

    @property
    def state(self) -> Any:
        return self._generator.get_state(legacy=False)

    @state.setter
    def state(self, state: Any) -> None:
        self._generator.set_state(state)

    def run_step(self, _step: Step, out: Tensor) -> None:
        """Like `torch.from_numpy(numpy.random.randn(*shape) * scale).to(dtype)`, in pieces."""
        flat = out.view(-1)
        for at in range(0, len(flat), PIECE):
            piece = flat[at : at + PIECE]
            drawn = self._generator.standard_normal(len(piece)) * self._scale
            piece.copy_(torch.from_numpy(drawn))


GENERATORS: Mapping[str, type[TorchGenerator | NumpyGenerator]] = {
    "torch": TorchGenerator,
    "numpy": NumpyGenerator,
}


def replay_to(
    script: ScriptPlan, place: int, seed: int, out: NDArray[Any], dtype: DType, run: Run
) -> None:
    """Overwrite `out` (flat) with the tensor at an index, rounded as the script does."""
    steps, last = steps_of(script)
    if place not in last:
        out[:] = 0
        return
    generator = GENERATORS[script.script.library](script, seed)
    drawing, number = (script, dtype.name, seed), last[place]
    for at in range(_recall(generator, drawing, number), number + 1):
        run([partial(_run_step, generator, steps[at], out if at == number else None, dtype)])
        with _lock:
            _states[*drawing, at + 1] = generator.state


def _run_step(
    generator: ScriptGenerator, step: Step, out: NDArray[Any] | None, dtype: DType
) -> None:
    """Run a step, for its values or only to advance the generator."""
    with torch.inference_mode():
        buffer = np.empty(prod(step.shape), dtype.numpy) if out is None else out
        generator.run_step(step, view(buffer, dtype).view(step.shape))


_states: LRUCache[Hashable, Any] = LRUCache(REMEMBERED)
_lock = threading.Lock()


def _recall(generator: ScriptGenerator, drawing: tuple[Hashable, ...], number: int) -> int:
    """Restore the cached state of the latest step up to `number`, and return that step, or 0 if
    none is cached.
    """
    with _lock:
        for at in range(number, 0, -1):
            state = _states.get((*drawing, at))
            if state is not None:
                generator.state = state
                return at
    return 0


@lru_cache(64)
def steps_of(script: ScriptPlan) -> Steps:
    """Return the steps of a script."""
    tensors = enumerate(script.tensors)
    if isinstance(script.script, NumpyRandn):
        weights = [(at, shape) for at, (kind, shape) in tensors if kind.startswith("weight")]
        return Steps(
            tuple(Step(shape) for _, shape in weights),
            {place: number for number, (place, _) in enumerate(weights)},
        )
    constructed = [Step(shape) for _, shape in script.tensors]
    calls = script.script.calls
    called = [(at, Step(shape, calls[kind])) for at, (kind, shape) in tensors if kind in calls]
    last = {at: at for at in range(len(constructed))}
    last |= {place: len(constructed) + number for number, (place, _) in enumerate(called)}
    return Steps((*constructed, *(step for _, step in called)), last)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
