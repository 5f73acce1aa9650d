"""No tensor is changed by what stands beside it: by other layers, directions, tensors, schemes,
sizes or options.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest

from stepzero_rnn.engine.draw import Sampler, Stored
from stepzero_rnn.engine.thread_pool import ThreadPool
from tests.engine.drawing import planned
from tests.engine.every import DTYPE_NAMES, WEIGHT_INITS, asked, every_scheme

LSTM: dict[str, Any] = {
    "rnn_type": "lstm",
    "input_size": 5,
    "hidden_size": 11,
    "proj_size": 3,
    "seed": 4,
}
LSTM |= {"num_layers": 2}
OTHERS = {
    "weight_ih": "orthogonal",
    "weight_hh": {"scheme": "sparse", "sparsity": 0.5},
    "weight_hr": "trunc_normal",
    "bias": {"scheme": "forget", "split": "half"},
}
CHANGES: Mapping[str, Mapping[str, Any]] = {
    "layers, directions and what changes no weight": {
        "num_layers": 3,
        "bidirectional": True,
        "dropout": 0.5,
        "batch_first": True,
        "accept_dead": True,
    },
    "the schemes of the others": {"init": OTHERS},
    "the size of the input": {"input_size": 6},
    "the size of the projection": {"proj_size": 4},
}


def drawn(given: Mapping[str, Any], part: str) -> dict[str, Stored]:
    """Draw the tensors of one kind."""
    made = planned(given)
    with ThreadPool(1) as workers:
        sampler = Sampler(made.spec.seed, workers)
        return {t.name: sampler.tensor(t) for t in made.tensors if t.name.startswith(part)}


def reads_biases(init: Mapping[str, Any]) -> bool:
    """Say whether a scheme's law is one of the biases too, as its definition has it."""
    return any(scheme.get("scheme") == "critical" for scheme in init.values())


def beside(request: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Ask for the schemes of a change too, where the network has such parameters and gates."""
    lacking = {"weight_hr"} if "proj_size" not in request else set()
    lacking |= {"bias"} if request["rnn_type"] == "rnn" or reads_biases(request["init"]) else set()
    others = {part: o for part, o in change.get("init", {}).items() if part not in lacking}
    return {**request, "init": {**others, **request["init"]}}


@every_scheme
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_tensor_stays_whatever_else_changes(
    init: Mapping[str, Any], change: Mapping[str, Any]
) -> None:
    joint = any("joint" in scheme.get("fans", "") for scheme in init.values())
    if joint and "init" not in change:
        pytest.skip("joint fans count the other weight's inputs, which change")
    stayed = 0
    for dtype, part in product(DTYPE_NAMES, init):
        own = {part: init[part]}
        before = drawn(asked(LSTM, own, dtype=dtype), part)
        after = drawn(beside(asked({**LSTM, **change}, own, dtype=dtype), change), part)
        for name, numbers in before.items():
            if len(numbers) == len(after[name]):  # else it has itself another shape
                assert numbers.tobytes() == after[name].tobytes(), (dtype, name)
                stayed += 1

    assert stayed >= len(DTYPE_NAMES)


@pytest.mark.parametrize(
    "init",
    [init for init in WEIGHT_INITS.values() if not reads_biases(init)],
    ids=[name for name, init in WEIGHT_INITS.items() if not reads_biases(init)],
)
def test_a_weight_stays_when_the_biases_go(init: Mapping[str, Any]) -> None:
    for dtype in DTYPE_NAMES:
        request = asked(LSTM, init, dtype=dtype)
        before, after = drawn(request, "weight"), drawn(request | {"bias": False}, "weight")

        assert all(before[name].tobytes() == numbers.tobytes() for name, numbers in after.items())
