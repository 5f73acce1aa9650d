"""The law of a tensor drawn by a script: the values of its generator at that point."""

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
    """A tensor of a script, drawn by replaying the script up to it."""

    steps: ScriptPlan
    place: int

    @property
    def std(self) -> float | None:
        """The standard deviation that follows from the step's arguments, if known."""
        kind, shape = self.steps.tensors[self.place]
        script = self.steps.script
        if isinstance(script, NumpyRandn):
            return abs(script.scale) if kind.startswith("weight") else 0.0
        call = script.calls.get(kind)
        return 1 / sqrt(3 * self.steps.hidden_size) if call is None else _std_of(call, shape)

    def fill(self, out: NDArray[Any], dtype: DType, key: Key, run: Run) -> None:
        # Loads torch, which listing the schemes does not need.
        from stepzero_rnn.engine.laws.script_replay import replay_to

        replay_to(self.steps, self.place, key.seed, out.reshape(-1), dtype, run)


def replay(_script: AnyScript, block: Block) -> Replay:
    if block.steps is None:
        raise AssertionError("a script's tensor belongs to its steps")
    return Replay(block.steps, block.stream)


def _std_of(call: Call, shape: tuple[int, ...]) -> float | None:
    """Return the standard deviation that follows from a call's arguments; None for truncated laws
    and gains by name.
    """
    arguments = call.arguments
    spreads: dict[str, Callable[[], float]] = {
        "uniform_": lambda: (arguments["b"] - arguments["a"]) / sqrt(12),
        "normal_": lambda: arguments["std"],
        "constant_": lambda: 0.0,
        "zeros_": lambda: 0.0,
        "ones_": lambda: 0.0,
        "xavier_uniform_": lambda: abs(arguments["gain"]) * sqrt(2 / sum(shape)),
        "xavier_normal_": lambda: abs(arguments["gain"]) * sqrt(2 / sum(shape)),
        "orthogonal_": lambda: abs(arguments["gain"]) / sqrt(max(shape)),
    }
    spread = spreads.get(call.function)
    return spread() if spread else None
