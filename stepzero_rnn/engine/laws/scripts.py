"""The law of a tensor that a script of somebody's own gives: what its generator gives where it
stands in the script.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Any

from numpy.typing import NDArray

from stepzero_rnn.dtypes import DType
from stepzero_rnn.engine.linalg.tasks import Run
from stepzero_rnn.engine.words.philox import Key
from stepzero_rnn.plan import Block, ScriptPlan
from stepzero_rnn.spec.schemes.scripts import AnyScript, Call, NumpyRandn


@dataclass(frozen=True, slots=True)
class Replay:
    """The tensor at a place of a script, drawn by playing the script up to it."""

    steps: ScriptPlan
    place: int

    @property
    def std(self) -> float | None:
        """The spread that the step states, where it states one."""
        kind, shape = self.steps.tensors[self.place]
        script = self.steps.script
        if isinstance(script, NumpyRandn):
            return abs(script.scale) if kind.startswith("weight") else 0.0
        call = script.calls.get(kind)
        return 1 / sqrt(3 * self.steps.hidden_size) if call is None else _std_of(call, shape)

    def fill(self, out: NDArray[Any], dtype: DType, key: Key, run: Run) -> None:
        """Overwrite `out`."""
        # The first script that is played loads torch; who lists the schemes has no need of it.
        from stepzero_rnn.engine.laws.script_replay import replay_to

        replay_to(self.steps, self.place, key.seed, out.reshape(-1), dtype, run)


def replay(_script: AnyScript, block: Block) -> Replay:
    """What the script gives for the tensor."""
    if block.steps is None:
        raise AssertionError("a script's tensor is a step of it")
    return Replay(block.steps, block.stream)


def _std_of(call: Call, shape: tuple[int, ...]) -> float | None:
    """Return the spread that a call states; a cut or a gain by name states none at once."""
    known = call.arguments
    spreads: dict[str, Callable[[], float]] = {
        "uniform_": lambda: (known["b"] - known["a"]) / sqrt(12),
        "normal_": lambda: known["std"],
        "constant_": lambda: 0.0,
        "zeros_": lambda: 0.0,
        "ones_": lambda: 0.0,
        "xavier_uniform_": lambda: abs(known["gain"]) * sqrt(2 / sum(shape)),
        "xavier_normal_": lambda: abs(known["gain"]) * sqrt(2 / sum(shape)),
        "orthogonal_": lambda: abs(known["gain"]) / sqrt(max(shape)),
    }
    spread = spreads.get(call.function)
    return spread() if spread else None
